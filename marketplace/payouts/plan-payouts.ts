// Who gets how much of what is due, when not all of it fits. Used by pay-out.ts. Pure.
// Rules: who was paid longest ago comes first; a person's own paid-in balance before what was earned; what does not fit
// waits, and the first who does not fit gets the part that does, so that nobody waits for ever behind a large sum.
// Invariants: nothing is created (paid + waiting = due), no room is exceeded, nobody gets more than is due.
import { type Nano, nano, ZERO_NANO } from '../../db/ledger/amount.ts';
import type { PayoutDue } from '../../db/repositories/payout-repository.ts';

export interface PayoutRoom {
  /** What the claims tree may still grow by: the vault's cap and its coins. */
  readonly totalNano: Nano;
  /** Coins that back nobody's own balance: what was earned from grants without coins behind them waits for coins. */
  readonly earnedNano: Nano;
}

const EARNED = ['contributor', 'creator', 'node', 'platform'] as const;
type EarnedKind = (typeof EARNED)[number];

export interface PlannedPayout {
  readonly due: PayoutDue;
  readonly ownNano: Nano;
  readonly earned: readonly { readonly kind: EarnedKind; readonly amountNano: Nano }[];
}

export interface PayoutPlan {
  readonly payouts: readonly PlannedPayout[];
  /** Due, but there is no room for it now. */
  readonly waitingNano: Nano;
}

export function planPayouts(due: readonly PayoutDue[], room: PayoutRoom): PayoutPlan {
  let total: bigint = atLeastZero(room.totalNano);
  let earnable: bigint = atLeastZero(room.earnedNano);
  let waiting = 0n;
  const own = new Map<PayoutDue, Nano>();
  for (const one of due) {
    const taken = least(one.ownNano, total);
    total -= taken;
    waiting += one.ownNano - taken;
    own.set(one, nano(taken));
  }
  const payouts: PlannedPayout[] = [];
  for (const one of due) {
    const earned: { kind: EarnedKind; amountNano: Nano }[] = [];
    for (const kind of EARNED) {
      const amount = one[`${kind}Nano`];
      const taken = least(amount, total, earnable);
      total -= taken;
      earnable -= taken;
      waiting += amount - taken;
      if (taken > 0n) earned.push({ kind, amountNano: nano(taken) });
    }
    const ownNano = own.get(one) ?? ZERO_NANO;
    if (ownNano > 0n || earned.length > 0) payouts.push({ due: one, ownNano, earned });
  }
  return { payouts, waitingNano: nano(waiting) };
}

const least = (...amounts: readonly bigint[]): bigint => amounts.reduce((a, b) => (a < b ? a : b));
const atLeastZero = (amount: bigint): bigint => (amount < 0n ? 0n : amount);
