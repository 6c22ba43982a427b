// How long an answer may be within all budgets: as long as they allow, never a nano beyond any, refused by the tightest.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nano } from '../../db/ledger/amount.ts';
import type { Budget, BudgetScope } from '../../marketplace/budgets/budget.ts';
import { fitBudgets } from '../../marketplace/budgets/fit-budgets.ts';
import { priceOf } from '../../marketplace/listings/rate-card.ts';

const amount = fc.bigInt({ min: 0n, max: 10n ** 9n }).map(nano);
const card = fc.record({
  perCallNano: amount,
  per1kPromptTokensNano: amount,
  per1kAnswerTokensNano: amount,
});
const budgetOf = (scope: BudgetScope) =>
  fc.record({
    scope: fc.constant(scope),
    limitNano: fc.option(fc.bigInt({ min: 0n, max: 2n * 10n ** 9n }).map(nano)),
    spentNano: amount,
    renewsAt: fc.constant(null),
    own: fc.boolean(),
  });
const budgets: fc.Arbitrary<readonly Budget[]> = fc.tuple(
  budgetOf('message'),
  budgetOf('day'),
  budgetOf('conversation'),
);
const settings = { answerTokensMax: 200, answerTokensMin: 8 };

const leftOf = ({ limitNano, spentNano }: Budget): bigint =>
  limitNano === null ? 10n ** 30n : limitNano > spentNano ? limitNano - spentNano : 0n;

describe('an answer within budgets', () => {
  it('costs at most what is left of each, is as long as all allow, and is refused only below 8 tokens', () => {
    let [fitted, refused] = [0, 0];
    fc.assert(
      fc.property(
        card,
        fc.nat(500),
        fc.integer({ min: 1, max: 400 }),
        budgets,
        (rateCard, promptTokens, room, set) => {
          const result = fitBudgets({ rateCard, promptTokens, room, settings, budgets: set });
          const left = set.map(leftOf).reduce((least, one) => (one < least ? one : least));
          const longest = Math.min(200, room);
          const costOf = (tokens: number) => priceOf(rateCard, promptTokens, tokens);
          if (!result.ok) {
            refused += 1;
            expect(costOf(Math.min(8, longest))).toBe(result.neededNano);
            expect(result.neededNano > left).toBe(true);
            return;
          }
          fitted += 1;
          expect(result.ceilingNano).toBe(costOf(result.answerTokensMax));
          expect(result.ceilingNano <= left).toBe(true);
          expect(result.answerTokensMax).toBeGreaterThanOrEqual(Math.min(8, longest));
          expect(result.answerTokensMax).toBeLessThanOrEqual(longest);
          expect(result.shortenedBy === null).toBe(result.answerTokensMax === longest);
          if (result.answerTokensMax < longest) expect(costOf(result.answerTokensMax + 1) > left).toBe(true);
        },
      ),
      { numRuns: 5_000, seed: 5 },
    );
    expect(Math.min(fitted, refused)).toBeGreaterThan(500);
  });

  it('that costs nothing is answered whatever the budget', () => {
    const free = { perCallNano: nano(0n), per1kPromptTokensNano: nano(0n), per1kAnswerTokensNano: nano(0n) };
    const nothing: Budget = {
      ...{ scope: 'day', limitNano: nano(0n), spentNano: nano(5n), renewsAt: null, own: true },
    };
    expect(fitBudgets({ rateCard: free, promptTokens: 9, room: 100, settings, budgets: [nothing] })).toEqual({
      ok: true,
      answerTokensMax: 100,
      ceilingNano: 0n,
      shortenedBy: null,
    });
  });
});
