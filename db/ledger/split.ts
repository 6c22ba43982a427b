/**
 * Splits of an amount that lose nothing: largest remainder (Hamilton's method) over integers. Used for the split of a price by
 * basis points and of a data pool by attribution shares. Pure. Each part is within 1 nano of its exact share, a zero weight
 * gets 0, and the parts sum to the whole (asserted).
 * Tie rule: the odd nanos go to the largest remainders; where m equal ones compete for k of them, the k get one that stand, in
 * their order and around its end, from place (first 32 bits of sha256(tie key) mod m) on. With the call's id as the tie key
 * each of the m wins k of m times over many calls, whatever its position (measured in the test over 100,000 ids).
 */
import { createHash } from 'node:crypto';
import { type Nano, nano } from './amount.ts';
import { assertLedger } from './ledger-bug.ts';

/**
 * Splits `total` in proportion to `weights`.
 * @param total ≥ 0
 * @param weights each ≥ 0, at least one > 0
 * @param tieKey the same key gives the same split
 * @returns one part per weight, in order
 */
export function splitByWeights(total: Nano, weights: readonly bigint[], tieKey: string): readonly Nano[] {
  assertLedger(total >= 0n, `a split of ${total} nano`);
  assertLedger(
    weights.every((weight) => weight >= 0n),
    'a split with a negative weight',
  );
  const whole = weights.reduce((sum, weight) => sum + weight, 0n);
  assertLedger(whole > 0n, 'a split without any weight');
  const parts = weights.map((weight) => (total * weight) / whole); // rounded down
  const remainders = weights.map((weight) => (total * weight) % whole);
  const odd = Number(total - parts.reduce((sum, part) => sum + part, 0n)); // < weights.length
  const order = [...weights.keys()].sort((a, b) => compare(remainders[b], remainders[a]) || a - b);
  const last = remainders[order[odd - 1]]; // of the smallest remainder that still gets a nano
  const larger = order.filter((index) => odd > 0 && remainders[index] > last);
  const tied = order.filter((index) => odd > 0 && remainders[index] === last);
  const start = rotation(tieKey, tied.length);
  const around = [...tied.slice(start), ...tied.slice(0, start)];
  for (const index of [...larger, ...around].slice(0, odd)) parts[index] += 1n;
  assertLedger(
    parts.reduce((sum, part) => sum + part, 0n) === total,
    `parts of a split do not sum to ${total} nano`,
  );
  return parts.map(nano);
}

/** Splits by basis points that sum to 10,000. @param rule how odd nanos are given away */
export function splitByBasisPoints(
  total: Nano,
  basisPoints: readonly number[],
  tieKey: string,
  rule = splitByWeights,
): readonly Nano[] {
  const sum = basisPoints.reduce((a, b) => a + b, 0);
  assertLedger(sum === 10_000, `basis points sum to ${sum}, not 10000`);
  return rule(
    total,
    basisPoints.map((points) => BigInt(points)),
    tieKey,
  );
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function rotation(tieKey: string, length: number): number {
  if (length < 2) return 0;
  return createHash('sha256').update(tieKey).digest().readUInt32BE(0) % length;
}
