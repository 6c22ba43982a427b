/**
 * What capture, void and expiry share: finding the open hold under a row lock, and giving back what was not captured. Released
 * money returns in the reverse order of its spending: balance first, then grant.
 */
import type { Tx } from '../database.ts';
import type { Hold, HoldState } from '../schema.ts';
import type { Nano } from './amount.ts';
import type { Leg } from './intent.ts';

export type HoldNotOpen =
  | { readonly ok: false; readonly code: 'hold_not_found' }
  | { readonly ok: false; readonly code: 'hold_already_settled'; readonly state: Exclude<HoldState, 'open'> };

/** The hold, locked until the transaction ends, or why it cannot be settled. */
export async function lockOpenHold(
  tx: Tx,
  holdId: string,
): Promise<{ readonly ok: true; readonly hold: Hold } | HoldNotOpen> {
  const hold = await tx
    .selectFrom('hold')
    .selectAll()
    .where('id', '=', holdId)
    .forUpdate()
    .executeTakeFirst();
  if (!hold) return { ok: false, code: 'hold_not_found' };
  if (hold.state !== 'open') return { ok: false, code: 'hold_already_settled', state: hold.state };
  return { ok: true, hold };
}

interface Release {
  readonly toGrantNano: Nano;
  readonly toBalanceNano: Nano;
  /** Takes the whole hold out of the hold account and gives back what was not captured. */
  readonly legs: readonly Leg[];
}

/** @param capturedNano 0 to the hold's amount; comes from the grant first, as the hold did. */
export function releaseOf(hold: Hold, capturedNano: Nano): Release {
  const fromGrant = capturedNano < hold.grantNano ? capturedNano : hold.grantNano;
  const toGrantNano = (hold.grantNano - fromGrant) as Nano;
  const toBalanceNano = (hold.balanceNano - (capturedNano - fromGrant)) as Nano;
  return {
    toGrantNano,
    toBalanceNano,
    legs: [
      { kind: 'hold', ownerId: hold.ownerId, amountNano: -hold.amountNano },
      { kind: 'user_grant', ownerId: hold.ownerId, amountNano: toGrantNano },
      { kind: 'user', ownerId: hold.ownerId, amountNano: toBalanceNano },
    ],
  };
}

/** Writes how the hold ended; the database refuses a second end. */
export async function endHold(
  tx: Tx,
  holdId: string,
  end: {
    readonly state: Exclude<HoldState, 'open'>;
    readonly capturedNano?: Nano;
    readonly reason?: string;
    readonly settleTransferId: bigint;
  },
): Promise<void> {
  await tx
    .updateTable('hold')
    .set({ ...end, settledAt: new Date() })
    .where('id', '=', holdId)
    .execute();
}
