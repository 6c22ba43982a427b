// A person sets a budget: which one, and an amount of OPEN as they typed it, "none" for no limit, "default" for what
// everybody has. Used by budget-verbs.ts. Parsed strictly; a refusal says what was wrong and writes nothing.
// It takes the lock that holds take: a call that is being placed sees the old limit or the new one, never half.
import { transact } from '../../db/database.ts';
import { type Nano, parseOpen } from '../../db/ledger/amount.ts';
import { lockSpending, saveBudget } from '../../db/repositories/budget-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { BudgetScope } from './budget.ts';

const SCOPES: readonly BudgetScope[] = ['message', 'day', 'conversation'];

export type SetBudgetResult =
  | { readonly ok: true; readonly scope: BudgetScope }
  | { readonly ok: false; readonly code: 'unknown_budget' }
  | { readonly ok: false; readonly code: 'amount_missing'; readonly scope: BudgetScope }
  | { readonly ok: false; readonly code: 'not_an_amount' }
  | { readonly ok: false; readonly code: 'too_many_decimals'; readonly decimalsMax: number }
  | { readonly ok: false; readonly code: 'too_large' };

export async function setBudget(
  { db }: Pick<MarketplaceContext, 'db'>,
  personId: string,
  typed: { readonly which: string; readonly amount: string },
): Promise<SetBudgetResult> {
  const scope = SCOPES.find((one) => one === typed.which.trim().toLowerCase());
  if (scope === undefined) return { ok: false, code: 'unknown_budget' };
  const limit = limitOf(typed.amount.trim());
  if (limit === 'missing') return { ok: false, code: 'amount_missing', scope };
  if (!limit.ok) return limit;
  await transact(db, async (tx) => {
    await lockSpending(tx, personId);
    await saveBudget(tx, personId, scope, limit.amountNano);
  });
  return { ok: true, scope };
}

function limitOf(
  typed: string,
):
  | 'missing'
  | { readonly ok: true; readonly amountNano: Nano | null | undefined }
  | ReturnType<typeof parseOpen> {
  const word = typed.toLowerCase();
  if (word === '') return 'missing';
  if (word === 'none') return { ok: true, amountNano: null };
  if (word === 'default') return { ok: true, amountNano: undefined };
  return parseOpen(word.replace(/\s*open$/, ''));
}
