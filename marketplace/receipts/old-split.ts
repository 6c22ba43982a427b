// The split of an amount by largest remainder as it was while receipts had schema 1: where remainders were equal, the turn went
// over all parts, not over the equal ones alone. Used by verification of those receipts. Pure; nothing is paid by it any more.
import { createHash } from 'node:crypto';
import { type Nano, nano } from '../../db/ledger/amount.ts';

/** As splitByWeights of db/ledger/split.ts, but for whom an odd nano goes to among equals. */
export function oldSplitByWeights(total: Nano, weights: readonly bigint[], tieKey: string): readonly Nano[] {
  const whole = weights.reduce((sum, weight) => sum + weight, 0n);
  const parts = weights.map((weight) => (total * weight) / whole); // rounded down
  const remainders = weights.map((weight) => (total * weight) % whole);
  const odd = Number(total - parts.reduce((sum, part) => sum + part, 0n)); // < weights.length
  const start = createHash('sha256').update(tieKey).digest().readUInt32BE(0) % weights.length;
  const turn = (index: number) => (index - start + weights.length) % weights.length;
  const order = [...weights.keys()].sort(
    (a, b) =>
      Number(remainders[b] > remainders[a]) - Number(remainders[b] < remainders[a]) || turn(a) - turn(b),
  );
  for (const index of order.slice(0, odd)) parts[index] += 1n;
  return parts.map(nano);
}
