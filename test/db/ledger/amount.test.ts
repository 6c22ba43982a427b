/** Amounts: exact parsing and printing, refusals, rounding named. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addNano, formatOpen, nano, openNano, parseOpen, priceRoundedUp } from '../../../db/ledger/amount.ts';

const amounts = fc.bigInt({ min: -(2n ** 63n - 1n), max: 2n ** 63n - 1n });

describe('parseOpen', () => {
  test.each([
    ['1.25', 1_250_000_000n],
    ['0', 0n],
    ['007', 7_000_000_000n],
    [' 0.000000001 ', 1n],
    ['9223372036.854775807', 2n ** 63n - 1n],
  ])('reads %j', (text, amountNano) => {
    expect(parseOpen(text)).toEqual({ ok: true, amountNano });
  });

  test.each([
    ['', 'not_an_amount'],
    ['-1', 'not_an_amount'],
    ['+1', 'not_an_amount'],
    ['1e3', 'not_an_amount'],
    ['1,5', 'not_an_amount'],
    ['.5', 'not_an_amount'],
    ['5.', 'not_an_amount'],
    ['٣', 'not_an_amount'],
    ['0x10', 'not_an_amount'],
    ['1.0000000000', 'too_many_decimals'],
    ['1.0000000001', 'too_many_decimals'],
    ['9223372036.854775808', 'too_large'],
    ['999999999999999999999999', 'too_large'],
  ])('refuses %j as %s', (text, code) => {
    expect(parseOpen(text)).toMatchObject({ ok: false, code });
  });

  test('reads back every printed amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (amount) => {
        expect(parseOpen(formatOpen(nano(amount)))).toEqual({ ok: true, amountNano: amount });
      }),
    );
  });
});

test('prints signs and no trailing zeros', () => {
  expect(formatOpen(openNano('1.250'))).toBe('1.25');
  expect(formatOpen(openNano('20'))).toBe('20');
  expect(formatOpen(nano(-1n))).toBe('-0.000000001');
  expect(formatOpen(nano(0n))).toBe('0');
});

test('refuses amounts beyond 64 bits', () => {
  expect(() => nano(2n ** 63n)).toThrow(RangeError);
  expect(() => addNano(nano(2n ** 63n - 1n), nano(1n))).toThrow(RangeError);
  fc.assert(fc.property(amounts, (amount) => nano(amount) === amount));
});

test('rounds metered prices up: 1 token of 0.000000001 OPEN per 1,000 costs 1 nano', () => {
  expect(priceRoundedUp(nano(1n), 1, 1000n)).toBe(1n);
  expect(priceRoundedUp(nano(1n), 0, 1000n)).toBe(0n);
  expect(priceRoundedUp(nano(1_000n), 1500, 1000n)).toBe(1500n);
});
