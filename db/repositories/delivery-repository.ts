/**
 * The outbox: what must reach a person even when the program dies. Written before it is sent, marked when the platform said
 * yes; what is still pending at the next start goes out then, so sending must be idempotent by key.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { Delivery, JsonObject } from '../schema.ts';

/** Writes down what is to be sent; under a key that is still pending, the newer payload replaces the older. */
export async function saveDelivery(
  db: Database | Tx,
  delivery: { readonly key: string; readonly platform: string; readonly payload: JsonObject },
): Promise<void> {
  await db
    .insertInto('delivery')
    .values(delivery)
    .onConflict((conflict) =>
      conflict
        .column('key')
        .doUpdateSet({ payload: (row) => row.ref('excluded.payload') })
        .where('delivery.state', '=', 'pending'),
    )
    .execute();
}

/** The platform has it; `platformMessageId` is null where nothing had to be sent after all. */
export async function markDeliverySent(
  db: Database | Tx,
  key: string,
  platformMessageId: string | null,
): Promise<void> {
  await db
    .updateTable('delivery')
    .set({ state: 'sent', platformMessageId, sentAt: sql`now()` })
    .where('key', '=', key)
    .where('state', '=', 'pending')
    .execute();
}

/** Everything written down and not yet marked, oldest first. */
export async function pendingDeliveries(db: Database | Tx): Promise<readonly Delivery[]> {
  return db.selectFrom('delivery').selectAll().where('state', '=', 'pending').orderBy('id').execute();
}
