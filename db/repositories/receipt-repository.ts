/**
 * Receipts: the record of a call, as a JSON body and its hash (both made by the caller), numbered in order of issue. Written
 * once per call, completed once by attribution (the database refuses more), signed beside.
 */
import type { Database, Tx } from '../database.ts';
import type { JsonObject, Receipt } from '../schema.ts';

/** Stores the receipt of a call, or finds the one that was stored before. Amounts in the body are text. */
export async function saveReceipt(
  tx: Tx,
  receipt: {
    readonly callId: string;
    readonly body: JsonObject;
    readonly hash: string;
    /** As drawn from the column's sequence; drawn now where it is left out. */
    readonly number?: number;
    readonly salt?: string;
  },
): Promise<Receipt> {
  const { callId, body, hash, number, salt } = receipt;
  const saved = await tx
    .insertInto('receipt')
    .values({ callId, body, hash, number, salt })
    .onConflict((conflict) => conflict.column('callId').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (saved) return saved;
  return tx.selectFrom('receipt').selectAll().where('callId', '=', receipt.callId).executeTakeFirstOrThrow();
}

export async function getReceipt(db: Database, callId: string): Promise<Receipt | undefined> {
  return db.selectFrom('receipt').selectAll().where('callId', '=', callId).executeTakeFirst();
}

export async function getReceiptByNumber(db: Database, number: number): Promise<Receipt | undefined> {
  return db.selectFrom('receipt').selectAll().where('number', '=', number).executeTakeFirst();
}
