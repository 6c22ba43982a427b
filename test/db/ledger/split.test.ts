/** Splits: nothing lost, each part within 1 nano, odd nanos rotate. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
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

test('the odd nano of 1,000 thirds goes to each position about as often', () => {
  const wins = [0, 0, 0];
  for (let i = 0; i < 1000; i++)
    wins[splitByWeights(nano(1n), [1n, 1n, 1n], `call_${i}`).indexOf(nano(1n))]++;
  for (const count of wins) expect(count).toBeGreaterThan(250);
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
