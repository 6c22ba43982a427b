// Budgets, history and refunds of the marketplace in memory, for tests of what people see: every state is set by the test.
// Used by fake-marketplace.ts. The rules are tested against the real ones (test/marketplace/).
import { nano, openNano } from '../../db/ledger/amount.ts';
import type { BudgetVerbs } from '../../marketplace/budget-verbs.ts';
import type { Budget, BudgetWarning } from '../../marketplace/budgets/budget.ts';
import type { SetBudgetResult } from '../../marketplace/budgets/set-budget.ts';
import type { HistoryLine } from '../../marketplace/read-history.ts';
import type { RefundVerbs } from '../../marketplace/refund-verbs.ts';
import type { RefundOffer, RefundOrder } from '../../marketplace/refunds/refund-call.ts';

export interface FakeMoney {
  /** What the next answer warns of. */
  warnNext: BudgetWarning[];
  budgetsNow: readonly Budget[];
  todaysBudget: Budget;
  readonly budgetsSet: { readonly which: string; readonly amount: string }[];
  setBudgetResult: SetBudgetResult;
  historyNow: readonly HistoryLine[];
  historyPages: number;
  refundResult: (order: RefundOrder) => RefundOffer;
  readonly refunded: (RefundOrder & { readonly key: string })[];
  readonly verbs: BudgetVerbs & RefundVerbs;
}

const starterLine: HistoryLine = {
  at: new Date(Date.UTC(2026, 10, 21, 9, 5)),
  kind: 'grant',
  purse: 'spending',
  amountNano: openNano('10'),
  reason: null,
  receiptNumber: null,
};

export function createFakeMoney(): FakeMoney {
  const money: FakeMoney = {
    warnNext: [],
    budgetsNow: [],
    todaysBudget: {
      ...{ scope: 'day', limitNano: null, spentNano: nano(0n), own: false },
      renewsAt: new Date(Date.UTC(2026, 10, 22)),
    },
    budgetsSet: [],
    setBudgetResult: { ok: true, scope: 'day' },
    historyNow: [starterLine],
    historyPages: 1,
    refundResult: () => ({ ok: false, code: 'not_allowed' }),
    refunded: [],
    verbs: {
      budgets: async () => money.budgetsNow,
      setBudget: async (_, typed) => {
        money.budgetsSet.push(typed);
        return money.setBudgetResult;
      },
      history: async (_, page) => ({ lines: money.historyNow, page, hasOlder: page < money.historyPages }),
      refundOffer: async (order) => money.refundResult(order),
      refund: async (order, key) => {
        money.refunded.push({ ...order, key });
        return money.refundResult(order);
      },
    },
  };
  return money;
}
