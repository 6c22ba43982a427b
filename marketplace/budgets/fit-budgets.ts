// The longest answer that the context and every budget allow, and the most it may cost. Used by quote.ts before anything
// is written and by place-hold.ts once more under the lock of the person's spending. Pure.
// Invariant: the ceiling is within what is left of every budget; where not even the shortest useful answer is, it is a
// refusal that names the first budget that is too small for it.
import type { Nano } from '../../db/ledger/amount.ts';
import { answerTokensWithin, priceOf } from '../listings/rate-card.ts';
import type { RateCard } from '../marketplace.ts';
import type { MarketplaceSettings } from '../marketplace-settings.ts';
import { type Budget, type BudgetReached, type BudgetScope, leftOf } from './budget.ts';

interface FittedAnswer {
  readonly ok: true;
  readonly answerTokensMax: number;
  readonly ceilingNano: Nano;
  /** The budget that made the answer shorter than it could be. */
  readonly shortenedBy: BudgetScope | null;
}

export function fitBudgets({
  rateCard,
  promptTokens,
  room,
  settings,
  budgets,
}: {
  readonly rateCard: RateCard;
  readonly promptTokens: number;
  /** Answer tokens for which the context has room, ≥ 1. */
  readonly room: number;
  readonly settings: Pick<MarketplaceSettings, 'answerTokensMax' | 'answerTokensMin'>;
  readonly budgets: readonly Budget[];
}): FittedAnswer | BudgetReached {
  const longest = Math.min(settings.answerTokensMax, room);
  const shortest = Math.min(settings.answerTokensMin, longest);
  let answerTokensMax = longest;
  let tightest: Budget | null = null;
  for (const budget of budgets) {
    const leftNano = leftOf(budget);
    if (leftNano === null) continue;
    const affordable = answerTokensWithin(rateCard, promptTokens, leftNano);
    if (affordable === null || affordable < shortest) return reached(budget);
    if (affordable >= answerTokensMax) continue;
    answerTokensMax = affordable;
    tightest = budget;
  }
  const ceilingNano = priceOf(rateCard, promptTokens, answerTokensMax);
  return { ok: true, answerTokensMax, ceilingNano, shortenedBy: tightest?.scope ?? null };

  function reached({ scope, spentNano, limitNano, renewsAt }: Budget): BudgetReached {
    const neededNano = priceOf(rateCard, promptTokens, shortest);
    return {
      ok: false,
      code: 'budget_reached',
      scope,
      spentNano,
      limitNano: limitNano as Nano,
      neededNano,
      renewsAt,
    };
  }
}
