// Between the chain's wei (18 decimals) and the books' nano (9): the only place that converts. Used by the watcher,
// payouts and the wallet page's verbs. Pure. Wei that are no whole nano are never rounded up: they stay in the vault.
import { type Nano, nano } from '../../db/ledger/amount.ts';

const WEI_PER_NANO = 1_000_000_000n;

/** Whole nano of an amount, rounded down, and the wei that are left of it (0 to 999,999,999). */
export function nanoOfWei(wei: bigint): { readonly amountNano: Nano; readonly restWei: bigint } {
  if (wei < 0n) throw new RangeError(`${wei} wei is no amount`);
  return { amountNano: nano(wei / WEI_PER_NANO), restWei: wei % WEI_PER_NANO };
}

export const weiOfNano = (amount: Nano): bigint => amount * WEI_PER_NANO;
