// What a budget is and how it stands: per message, per UTC day, per conversation. Types for everything that knows
// budgets (marketplace.ts shows them to the bots), and the reading of all three. Limits are what the person set, else
// the settings' defaults; what is spent is summed from the calls. Writes nothing.
import type { Database } from '../../db/database.ts';
import { type Nano, nano, ZERO_NANO } from '../../db/ledger/amount.ts';
import { type BudgetWarningRow, budgetsOf, spentOf } from '../../db/repositories/budget-repository.ts';
import type { BudgetScope } from '../../db/schema-budget.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

export type { BudgetScope } from '../../db/schema-budget.ts';

export interface Budget {
  readonly scope: BudgetScope;
  /** Null: no limit. */
  readonly limitNano: Nano | null;
  /** Prices of answers less what was given back, and the ceilings of those being written; a message has spent nothing before it is asked. */
  readonly spentNano: Nano;
  /** Midnight UTC for the day; null for a message (each starts anew) and a conversation (/new starts one). */
  readonly renewsAt: Date | null;
  /** False: what the program's settings give everybody. */
  readonly own: boolean;
}

/** Not even the shortest useful answer fits: nothing was held, nothing generated, it cost nothing. */
export interface BudgetReached {
  readonly ok: false;
  readonly code: 'budget_reached';
  readonly scope: BudgetScope;
  readonly spentNano: Nano;
  readonly limitNano: Nano;
  /** What the shortest useful answer may cost. */
  readonly neededNano: Nano;
  readonly renewsAt: Date | null;
}

/** Told once a period, when four fifths of a budget are spent. */
export type BudgetWarning = BudgetWarningRow;

const DAY_MS = 86_400_000;

/** All three, in this order: message, day, conversation. */
export async function readBudgets(
  { settings, clock }: Pick<MarketplaceContext, 'settings' | 'clock'>,
  db: Database,
  place: { readonly personId: string; readonly conversationId: string },
): Promise<readonly Budget[]> {
  const dayStart = new Date(Math.floor(clock().getTime() / DAY_MS) * DAY_MS);
  const own = await budgetsOf(db, place.personId);
  const spent = await spentOf(db, { ...place, dayStart });
  const budget = (
    scope: BudgetScope,
    usual: Nano | null,
    spentNano: Nano,
    renewsAt: Date | null = null,
  ): Budget => {
    const set = own.find((one) => one.scope === scope);
    return {
      scope,
      limitNano: set === undefined ? usual : set.limitNano,
      spentNano,
      renewsAt,
      own: set !== undefined,
    };
  };
  return [
    budget('message', settings.callBudgetNano, ZERO_NANO),
    budget('day', settings.dayBudgetNano, spent.dayNano, new Date(dayStart.getTime() + DAY_MS)),
    budget('conversation', settings.conversationBudgetNano, spent.conversationNano),
  ];
}

/** What may still be spent; null without a limit. A limit that was lowered below what is spent leaves nothing. */
export function leftOf({ limitNano, spentNano }: Budget): Nano | null {
  if (limitNano === null) return null;
  return limitNano > spentNano ? nano(limitNano - spentNano) : ZERO_NANO;
}
