// Refunds of a call as signed notes beside its receipt, which itself never changes: number and captured hash say which
// receipt, the ledger's transfer says what was given back. Used by read-receipt.ts. Nothing is stored: a note is what the
// ledger says, and the same note has the same signature.
import type { Database } from '../../db/database.ts';
import type { Receipt } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { AnyReceiptBody } from './old-receipt.ts';
import { receiptHash } from './receipt-body.ts';
import type { ReceiptFile, RefundNote } from './receipt-file.ts';
import { receiptNumber } from './receipt-number.ts';
import { signHash } from './receipt-signature.ts';

/** Oldest first. @throws what the key throws */
export async function refundNotes(
  { db, nodeKey }: Pick<MarketplaceContext, 'db' | 'nodeKey'>,
  receipt: Receipt,
): Promise<NonNullable<ReceiptFile['refunds']>> {
  const { capturedHash } = receipt.body as unknown as AnyReceiptBody;
  const notes = (await refundsOf(db, receipt.callId)).map(
    ({ id, result, reason, createdAt }): RefundNote => ({
      schema: 'openmodels/refund-note/1',
      receipt: receiptNumber(receipt.number),
      capturedHash: capturedHash ?? receipt.hash,
      transfer: String(id),
      amountNano: String(result.refundedNano),
      reason: reason ?? '',
      at: createdAt.toISOString(),
      signer: nodeKey.address.toLowerCase(),
    }),
  );
  return await Promise.all(
    notes.map(async (note) => ({
      note,
      signature: await signHash(nodeKey, 'refund note', receiptHash(note)),
    })),
  );
}

async function refundsOf(db: Database, callId: string) {
  return await db
    .selectFrom('transfer')
    .select(['id', 'result', 'reason', 'createdAt'])
    .where('callId', '=', callId)
    .where('kind', '=', 'refund')
    .orderBy('id')
    .execute();
}
