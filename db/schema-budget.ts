/** Tables of budgets and operators’ corrections, migration 013-budgets. Part of schema.ts. */

// biome-ignore lint/suspicious/noEmptyInterface: filled by the migration's author
export interface BudgetSchema {}
