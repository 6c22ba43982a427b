/**
 * The outbox: what must reach a platform, written in the transaction that caused it, sent by a worker until the platform said
 * yes. A claim is a lease: a worker that dies leaves the row to be claimed again, so sending must be idempotent by key.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { Delivery, JsonObject } from '../schema.ts';

/** Writes down what is to be sent; a second one under the same key is ignored (false). */
export async function enqueueDelivery(
  tx: Tx,
  delivery: { readonly key: string; readonly platform: string; readonly payload: JsonObject },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('delivery')
    .values(delivery)
    .onConflict((conflict) => conflict.column('key').doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/**
 * Takes the next due delivery of a platform and leases it: nobody else gets it for `leaseMs`, then it is due again unless
 * marked. Counts the attempt. Undefined when nothing is due.
 */
export async function claimNextDelivery(
  db: Database,
  { platform, leaseMs }: { readonly platform: string; readonly leaseMs: number },
): Promise<Delivery | undefined> {
  return db
    .updateTable('delivery')
    .set({ attempts: sql`attempts + 1`, nextAt: sql`now() + ${leaseMs} * interval '1 millisecond'` })
    .where('id', '=', (query) =>
      query
        .selectFrom('delivery')
        .select('id')
        .where('platform', '=', platform)
        .where('state', '=', 'pending')
        .where('nextAt', '<=', sql<Date>`now()`)
        .orderBy('nextAt')
        .orderBy('id')
        .limit(1)
        .forUpdate()
        .skipLocked(),
    )
    .returningAll()
    .executeTakeFirst();
}

export async function markDelivered(
  db: Database,
  id: bigint,
  platformMessageId: string | null,
): Promise<void> {
  await db
    .updateTable('delivery')
    .set({ state: 'sent', platformMessageId, error: null, sentAt: sql`now()` })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .execute();
}

/** The attempt failed: try again at `retryAt`, or never (null). */
export async function markUndelivered(
  db: Database,
  id: bigint,
  { error, retryAt }: { readonly error: string; readonly retryAt: Date | null },
): Promise<void> {
  await db
    .updateTable('delivery')
    .set(retryAt ? { error, nextAt: retryAt } : { error, state: 'failed' })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .execute();
}

export async function getDelivery(db: Database, key: string): Promise<Delivery | undefined> {
  return db.selectFrom('delivery').selectAll().where('key', '=', key).executeTakeFirst();
}
