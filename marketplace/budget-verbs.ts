// What a person may do with their budgets, as verbs of the marketplace. Part of marketplace.ts and create-marketplace.ts.
import { transact } from '../db/database.ts';
import { type Budget, readBudgets } from './budgets/budget.ts';
import { type SetBudgetResult, setBudget } from './budgets/set-budget.ts';
import { conversationOf } from './choose-model.ts';
import type { AskInput, Person } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';

export interface BudgetVerbs {
  /** How the person's budgets stand: per message, for today, for their conversation in this place. */
  budgets(person: Person, conversationKey: AskInput['conversationKey']): Promise<readonly Budget[]>;
  /** @param typed `which` and `amount` as the person wrote them */
  setBudget(
    person: Person,
    typed: { readonly which: string; readonly amount: string },
  ): Promise<SetBudgetResult>;
}

export function budgetVerbs(market: MarketplaceContext): BudgetVerbs {
  return {
    async budgets(person, conversationKey) {
      const { id } = await transact(market.db, (tx) => conversationOf(tx, conversationKey, person));
      return await readBudgets(market, market.db, { personId: person.id, conversationId: id });
    },
    setBudget: (person, typed) => setBudget(market, person.id, typed),
  };
}
