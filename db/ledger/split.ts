/**
 * Splits of an amount that lose nothing: largest remainder (Hamilton's method) over integers. Used for the split of a price by
 * basis points and of a data pool by attribution shares. Pure. Each part is within 1 nano of its exact share, a zero weight
 * gets 0, and the parts sum to the whole (asserted). Which of several equal remainders gets the odd nano rotates with the
 * tie key (the call's id), so that no position is favoured over many small calls.
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
  const start = rotation(tieKey, weights.length);
  const order = weights
    .map((_, index) => ({ index, turn: (index - start + weights.length) % weights.length }))
    .sort((a, b) => compare(remainders[b.index], remainders[a.index]) || a.turn - b.turn);
  for (const { index } of order.slice(0, odd)) parts[index] += 1n;
  assertLedger(
    parts.reduce((sum, part) => sum + part, 0n) === total,
    `parts of a split do not sum to ${total} nano`,
  );
  return parts.map(nano);
}

/** Splits by basis points that sum to 10,000. */
export function splitByBasisPoints(
  total: Nano,
  basisPoints: readonly number[],
  tieKey: string,
): readonly Nano[] {
  const sum = basisPoints.reduce((a, b) => a + b, 0);
  assertLedger(sum === 10_000, `basis points sum to ${sum}, not 10000`);
  return splitByWeights(
    total,
    basisPoints.map((points) => BigInt(points)),
    tieKey,
  );
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function rotation(tieKey: string, length: number): number {
  return createHash('sha256').update(tieKey).digest().readUInt32BE(0) % length;
}
