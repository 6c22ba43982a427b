/**
 * Deduplication of inbound platform updates by the platform's own id.
 */
import type { Database, Tx } from '../database.ts';

/** True the first time this update is seen; false for a redelivery. */
export async function takeInboundEvent(tx: Tx, platform: string, updateId: string): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('inboundEvent')
    .values({ platform, updateId })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/** Forgets updates older than `before` (platforms redeliver for a day or so). Returns how many. */
export async function forgetInboundEvents(db: Database, before: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('inboundEvent')
    .where('createdAt', '<', before)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
