/**
 * Budgets as people set them, what was spent of them, and who was warned when. What was spent is summed from the calls:
 * captured ones count their price less what was given back of it, calls under way their ceiling, so that it cannot go wrong
 * beside the books.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { Nano } from '../ledger/amount.ts';
import type { BudgetScope } from '../schema-budget.ts';

export interface SetBudget {
  readonly scope: BudgetScope;
  /** Null: no limit. */
  readonly limitNano: Nano | null;
}

/** What the person set; scopes left alone are absent. */
export async function budgetsOf(db: Database, personId: string): Promise<readonly SetBudget[]> {
  return db.selectFrom('budget').select(['scope', 'limitNano']).where('personId', '=', personId).execute();
}

/** Sets one budget; undefined returns to the default. */
export async function saveBudget(
  tx: Tx,
  personId: string,
  scope: BudgetScope,
  limitNano: Nano | null | undefined,
): Promise<void> {
  if (limitNano === undefined) {
    await tx.deleteFrom('budget').where('personId', '=', personId).where('scope', '=', scope).execute();
    return;
  }
  await tx
    .insertInto('budget')
    .values({ personId, scope, limitNano })
    .onConflict((conflict) =>
      conflict.columns(['personId', 'scope']).doUpdateSet({ limitNano, updatedAt: sql`now()` }),
    )
    .execute();
}

/** Until the transaction ends nobody else spends for this person: what is read after this stays true. */
export async function lockSpending(tx: Tx, personId: string): Promise<void> {
  await tx.selectFrom('person').select('id').where('id', '=', personId).forNoKeyUpdate().execute();
}

interface Spent {
  readonly dayNano: Nano;
  readonly conversationNano: Nano;
}

/** What the person's calls cost since `dayStart`, and in one conversation; what an operator gave back was not spent. */
export async function spentOf(
  db: Database,
  place: { readonly personId: string; readonly conversationId: string; readonly dayStart: Date },
): Promise<Spent> {
  const { personId, conversationId, dayStart } = place;
  const cost = sql`case
    when state = 'captured' then price_nano - (
      select coalesce(sum(e.amount_nano), 0) from transfer t join entry e on e.transfer_id = t.id
      where t.call_id = call.id and t.kind = 'refund' and e.amount_nano > 0)
    when state in ('held', 'generating', 'unknown') then ceiling_nano else 0 end`;
  const { rows } = await sql<Spent>`
    select
      (select coalesce(sum(${cost}), 0)::bigint from call where person_id = ${personId}
        and quoted_at >= ${dayStart}) as day_nano,
      (select coalesce(sum(${cost}), 0)::bigint from call where person_id = ${personId}
        and conversation_id = ${conversationId}) as conversation_nano`.execute(db);
  return rows[0];
}

export interface BudgetWarningRow {
  readonly scope: BudgetScope;
  readonly spentNano: Nano;
  readonly limitNano: Nano;
  readonly renewsAt: Date | null;
}

/** Notes that the person is told of this budget now; false when they were told in this period. */
export async function noteBudgetWarning(
  tx: Tx,
  warning: BudgetWarningRow & {
    readonly personId: string;
    readonly period: string;
    readonly callId: string;
  },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('budgetWarning')
    .values(warning)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/** The warnings that stand under the answer of this call. */
export async function warningsOfCall(db: Database, callId: string): Promise<readonly BudgetWarningRow[]> {
  return db
    .selectFrom('budgetWarning')
    .select(['scope', 'spentNano', 'limitNano', 'renewsAt'])
    .where('callId', '=', callId)
    .orderBy('scope')
    .execute();
}
