// The two splits of a price: exact to the nano for every amount, share vector and number of people.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Nano, nano } from '../../db/ledger/amount.ts';
import { answerTokensWithin, priceOf } from '../../marketplace/listings/rate-card.ts';
import { type FallbackPart, PPM, splitDataPool, splitPrice, toPpm } from '../../marketplace/split-price.ts';

const BPS = { data: 5_000, creator: 2_500, node: 1_500, platform: 1_000 };
const amounts = fc.bigInt({ min: 0n, max: 10n ** 18n }).map(nano);
const total = (parts: readonly Nano[]): bigint => parts.reduce<bigint>((sum, part) => sum + part, 0n);

describe('the split of a price', () => {
  it('captures 1.000000001 OPEN into 50/25/15/10 and loses nothing', () => {
    const parts = splitPrice(nano(1_000_000_001n), BPS, 'call-1');
    expect(total(Object.values(parts))).toBe(1_000_000_001n);
    expect([500_000_000n, 500_000_001n]).toContain(parts.dataNano);
  });

  it('sums to the price for every price', () => {
    fc.assert(
      fc.property(amounts, fc.string(), (price, callId) => {
        expect(total(Object.values(splitPrice(price, BPS, callId)))).toBe(price);
      }),
    );
  });
});

const equal = (ids: readonly string[]): readonly FallbackPart[] =>
  ids.map((personId) => ({ personId, weight: 1 }));

describe('the split of a data pool', () => {
  const people = ['a', 'b', 'c'];

  it('pays 40 % and 10 % by influence and the other half equally to the 3 contributors', () => {
    const influence = [
      { contributionId: 'one', personId: 'a', sharePpm: 400_000 },
      { contributionId: 'two', personId: 'b', sharePpm: 100_000 },
    ];
    const payouts = splitDataPool(nano(1_200n), influence, equal(people), 'call');
    expect(payouts.map(({ kind, personId, amountNano }) => [kind, personId, amountNano])).toEqual([
      ['influence', 'a', 480n],
      ['influence', 'b', 120n],
      ['fallback', 'a', 200n],
      ['fallback', 'b', 200n],
      ['fallback', 'c', 200n],
    ]);
  });

  it('without any influence is the equal split, with the whole of it no fallback', () => {
    expect(
      splitDataPool(nano(10n), [], equal(people), 'call')
        .map(({ amountNano }) => amountNano)
        .sort(),
    ).toEqual([3n, 3n, 4n]);
    const all = [{ contributionId: 'one', personId: 'a', sharePpm: PPM }];
    expect(splitDataPool(nano(10n), all, [], 'call')).toEqual([
      {
        ...{ kind: 'influence', contributionId: 'one', personId: 'a', sharePpm: PPM, amountNano: 10n },
        dustMicronano: 0,
      },
    ]);
  });

  it('sums to the pool for every pool, shares and number of people; the same call gives the same payouts', () => {
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });
    fc.assert(
      fc.property(
        amounts,
        shares,
        fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 12 }),
        fc.string(),
        (pool, raw, weights, callId) => {
          const whole = Math.max(
            1,
            raw.reduce((sum, share) => sum + share, 0),
          );
          const influence = raw
            .map((share, index) => ({
              contributionId: `c${index}`,
              personId: `p${index}`,
              sharePpm: toPpm(share / whole),
            }))
            .filter((share) => share.sharePpm > 0);
          const fallback = weights.map((weight, index) => ({ personId: `p${index}`, weight }));
          const payouts = splitDataPool(pool, influence, fallback, callId);
          expect(total(payouts.map((payout) => payout.amountNano))).toBe(pool);
          expect(payouts.every((payout) => payout.amountNano >= 0n)).toBe(true);
          expect(splitDataPool(pool, influence, fallback, callId)).toEqual(payouts);
          // Nobody is two nano off their exact share (one, by influence), and what some are over, others are under.
          const dust = payouts.map(({ dustMicronano }) => dustMicronano);
          expect(dust.every((part) => Math.abs(part) < 2_000_000)).toBe(true);
          expect(Math.abs(dust.reduce((sum, part) => sum + part, 0))).toBeLessThanOrEqual(dust.length);
        },
      ),
    );
  });

  it('shares the fallback by weight: of 900 nano a person with 2 of 3 contributions gets 600', () => {
    const parts = [
      { personId: 'a', weight: 2 },
      { personId: 'b', weight: 1 },
    ];
    const payouts = splitDataPool(nano(900n), [], parts, 'call');
    expect(payouts.map(({ amountNano, sharePpm }) => [amountNano, sharePpm])).toEqual([
      [600n, 666_666],
      [300n, 333_333],
    ]);
  });

  it('tells in millionths of a nano how far rounding moved each share', () => {
    const influence = [{ contributionId: 'one', personId: 'a', sharePpm: 333_333 }];
    const payouts = splitDataPool(nano(10n), influence, equal(people), 'call');
    // Exact: 3.333330 by influence, and a third of 6.666670 each; two of the three are paid 2, one is paid 3.
    const exact = payouts.map(({ amountNano, dustMicronano }) => Number(amountNano) * 1e6 - dustMicronano);
    expect(exact.sort()).toEqual([2_222_223, 2_222_223, 2_222_224, 3_333_330]);
  });

  it('refuses shares that sum to more than the whole', () => {
    const shares = [1, 2].map((n) => ({ contributionId: `${n}`, personId: 'a', sharePpm: 600_000 }));
    expect(() => splitDataPool(nano(10n), shares, equal(people), 'call')).toThrow(RangeError);
  });
});

describe('the price of a call', () => {
  const card = fc.record({
    perCallNano: amounts.map((amount) => nano(amount / 10n ** 6n)),
    per1kPromptTokensNano: amounts.map((amount) => nano(amount / 10n ** 6n)),
    per1kAnswerTokensNano: amounts.map((amount) => nano(amount / 10n ** 6n)),
  });
  const tokens = fc.integer({ min: 0, max: 100_000 });

  it('never falls when tokens grow, so no answer within the quote costs more than its ceiling', () => {
    fc.assert(
      fc.property(card, tokens, tokens, tokens, (rates, prompt, answer, more) => {
        expect(priceOf(rates, prompt, answer) <= priceOf(rates, prompt, answer + more)).toBe(true);
        expect(priceOf(rates, prompt, answer) <= priceOf(rates, prompt + more, answer)).toBe(true);
      }),
    );
  });

  it('of as many answer tokens as a budget buys is within the budget, and one token more is not', () => {
    fc.assert(
      fc.property(card, tokens, amounts, (rates, prompt, amount) => {
        const budget = nano(amount / 10n ** 4n);
        const bought = answerTokensWithin(rates, prompt, budget);
        if (bought === null || bought >= Number.MAX_SAFE_INTEGER) return;
        expect(priceOf(rates, prompt, bought) <= budget).toBe(true);
        expect(priceOf(rates, prompt, bought + 1) > budget).toBe(true);
      }),
    );
  });
});
