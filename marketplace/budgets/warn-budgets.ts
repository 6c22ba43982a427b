// Tells a person once a period that four fifths of a budget are spent. Used by settle-call.ts inside the capture's
// transaction, so that a warning is remembered exactly when its answer was paid, and read again with it. A limit that was
// changed begins anew; a message is its own period.
import type { Tx } from '../../db/database.ts';
import type { Nano } from '../../db/ledger/amount.ts';
import { noteBudgetWarning } from '../../db/repositories/budget-repository.ts';
import type { Call } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type Budget, type BudgetWarning, readBudgets } from './budget.ts';

const WARN_AT_PERCENT = 80n;

/** The warnings that this call is the first to deserve. @param call captured in this transaction */
export async function warnBudgets(
  market: Pick<MarketplaceContext, 'settings' | 'clock'>,
  tx: Tx,
  call: Pick<Call, 'id' | 'personId' | 'conversationId' | 'priceNano'>,
): Promise<readonly BudgetWarning[]> {
  const { id: callId, personId, priceNano } = call;
  const conversationId = call.conversationId ?? '';
  const warnings: BudgetWarning[] = [];
  for (const budget of await readBudgets(market, tx, { personId, conversationId })) {
    const { scope, limitNano, renewsAt } = budget;
    const spentNano = scope === 'message' ? (priceNano as Nano) : budget.spentNano;
    if (limitNano === null || limitNano === 0n || spentNano * 100n < limitNano * WARN_AT_PERCENT) continue;
    const warning = { scope, spentNano, limitNano, renewsAt };
    const period = periodOf(budget, { callId, conversationId });
    if (await noteBudgetWarning(tx, { ...warning, personId, period, callId })) warnings.push(warning);
  }
  return warnings;
}

function periodOf(
  { scope, renewsAt }: Budget,
  { callId, conversationId }: { readonly callId: string; readonly conversationId: string },
): string {
  if (scope === 'day') return `until ${renewsAt?.toISOString()}`;
  return scope === 'message' ? callId : conversationId;
}
