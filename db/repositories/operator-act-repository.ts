/** Who ordered a refund or a correction: written in the transaction that posts it. Append-only. */
import type { Tx } from '../database.ts';

interface OperatorAct {
  /** The idempotency key of the transfer. */
  readonly key: string;
  readonly kind: 'refund' | 'correction';
  readonly operator: string;
  readonly reason: string;
}

/** Notes the act; false when it was noted before (the order is repeated). */
export async function noteOperatorAct(tx: Tx, act: OperatorAct): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('operatorAct')
    .values(act)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}
