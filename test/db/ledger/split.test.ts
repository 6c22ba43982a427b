/** Splits: nothing lost, each part within 1 nano, odd nanos rotate. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import { LedgerBug } from '../../../db/ledger/ledger-bug.ts';
import { splitByBasisPoints, splitByWeights } from '../../../db/ledger/split.ts';

const total = fc.bigInt({ min: 0n, max: 10n ** 18n });
const weights = fc
  .array(fc.bigInt({ min: 0n, max: 10n ** 18n }), { minLength: 1, maxLength: 200 })
  .filter((list) => list.some((weight) => weight > 0n));

test('parts sum to the whole, are within 1 nano of their exact share, and zero weight gets zero', () => {
  fc.assert(
    fc.property(total, weights, fc.string(), (amount, list, key) => {
      const parts = splitByWeights(nano(amount), list, key);
      const whole = list.reduce((a, b) => a + b, 0n);
      expect(parts.reduce<bigint>((a, b) => a + b, 0n)).toBe(amount);
      for (const [index, part] of parts.entries()) {
        const distance = part * whole - amount * list[index];
        expect(distance > -whole && distance < whole).toBe(true);
        if (list[index] === 0n) expect(part).toBe(0n);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a larger weight never gets less', () => {
  fc.assert(
    fc.property(total, weights, fc.string(), (amount, list, key) => {
      const parts = splitByWeights(nano(amount), list, key);
      for (let i = 1; i < list.length; i++)
        if (list[i] > list[i - 1]) expect(parts[i] >= parts[i - 1]).toBe(true);
    }),
  );
});

test('captures 1.000000000 OPEN into 50/25/15/10 and loses nothing', () => {
  expect(splitByBasisPoints(openNano('1'), [5000, 2500, 1500, 1000], 'call_1')).toEqual([
    500_000_000n,
    250_000_000n,
    150_000_000n,
    100_000_000n,
  ]);
});

/** How often each position got more than its share rounded down, over 100,000 calls. */
function wins(total: bigint, list: readonly bigint[]): readonly number[] {
  const whole = list.reduce((a, b) => a + b, 0n);
  const counts = list.map(() => 0);
  for (let i = 0; i < CALLS; i++) {
    const parts = splitByWeights(nano(total), list, `call_${i}`);
    for (const [index, part] of parts.entries()) if (part > (total * list[index]) / whole) counts[index] += 1;
  }
  return counts;
}

const CALLS = 100_000;
/** Five standard deviations of a fair coin over 100,000 tosses, at most. */
const CHANCE = 5 * Math.sqrt(CALLS / 4);

describe('no position is favoured over 100,000 calls:', () => {
  test.each([
    { name: '1 nano in 3 equal parts', total: 1n, list: [1n, 1n, 1n], fair: [1 / 3, 1 / 3, 1 / 3] },
    {
      name: '3 nanos in 7 equal parts',
      total: 3n,
      list: Array<bigint>(7).fill(1n),
      fair: Array<number>(7).fill(3 / 7),
    },
    {
      name: '10 nano by 50/25/15/10 %, where creator and node tie',
      total: 10n,
      list: [5000n, 2500n, 1500n, 1000n],
      fair: [0, 1 / 2, 1 / 2, 0],
    },
    {
      name: 'two larger remainders before three that tie for one',
      total: 5n,
      list: [1n, 1n, 3n, 3n, 1n],
      fair: [1 / 3, 1 / 3, 1, 1, 1 / 3],
    },
  ])('$name', ({ total, list, fair }) => {
    const whole = list.reduce((a, b) => a + b, 0n);
    const odd = Number(total - list.reduce((sum, weight) => sum + (total * weight) / whole, 0n));
    expect(fair.reduce((a, b) => a + b, 0)).toBeCloseTo(odd);
    for (const [index, count] of wins(total, list).entries())
      expect(Math.abs(count - fair[index] * CALLS), `position ${index}: ${count}`).toBeLessThan(CHANCE);
  });
});

test('10,000 splits of a price, its pool to 1-50 contributors: exact to the nano', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 15n }),
      fc.array(fc.bigInt({ min: 1n, max: 1_000_000n }), { minLength: 1, maxLength: 50 }),
      fc.uuid(),
      (price, list, callId) => {
        const parts = splitByBasisPoints(nano(price), [5000, 2500, 1500, 1000], callId);
        const shares = splitByWeights(parts[0], list, callId);
        expect(shares.reduce<bigint>((a, b) => a + b, 0n)).toBe(parts[0]);
        expect(parts.reduce<bigint>((a, b) => a + b, 0n)).toBe(price);
      },
    ),
    { numRuns: 10_000 },
  );
});

test('the same call is always split the same way', () => {
  const once = splitByWeights(nano(100n), [1n, 1n, 1n], 'call_7');
  expect(splitByWeights(nano(100n), [1n, 1n, 1n], 'call_7')).toEqual(once);
});

test('refuses nonsense as bugs: no weight, negative weight, basis points that do not sum to 10,000', () => {
  expect(() => splitByWeights(nano(1n), [], 'k')).toThrow(LedgerBug);
  expect(() => splitByWeights(nano(1n), [0n, 0n], 'k')).toThrow(LedgerBug);
  expect(() => splitByWeights(nano(1n), [2n, -1n], 'k')).toThrow(LedgerBug);
  expect(() => splitByBasisPoints(nano(1n), [5000, 4999], 'k')).toThrow(/9999/);
});
