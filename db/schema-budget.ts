/** Tables of budgets and of what operators ordered, migration 013-budgets. Part of schema.ts. */
import type { Generated } from 'kysely';
import type { CreatedAt } from './column-types.ts';
import type { Nano } from './ledger/amount.ts';

export type BudgetScope = 'message' | 'day' | 'conversation';

interface BudgetTable {
  personId: string;
  scope: BudgetScope;
  /** Null: no limit. */
  limitNano: Nano | null;
  updatedAt: Generated<Date>;
}

interface BudgetWarningTable {
  personId: string;
  scope: BudgetScope;
  period: string;
  limitNano: Nano;
  spentNano: Nano;
  renewsAt: Date | null;
  callId: string;
  createdAt: CreatedAt;
}

interface OperatorActTable {
  /** The idempotency key of the transfer. */
  key: string;
  kind: 'refund' | 'correction';
  /** A pseudonym with the person's id, or who ran the command line. */
  operator: string;
  reason: string;
  createdAt: CreatedAt;
}

export interface BudgetSchema {
  budget: BudgetTable;
  budgetWarning: BudgetWarningTable;
  operatorAct: OperatorActTable;
}
