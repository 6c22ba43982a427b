// Step 5 of a paid call: capture or void, each one transaction. A capture writes everything that makes the answer real:
// price and its split, the turn of the conversation, the receipt, and the job that will attribute it. Used by
// paid-call.ts; voidCall also by reconciler.ts. Idempotent: a retry after a lost commit finds what was written.
// A failed answer costs nothing, whatever was shown; a stopped one costs what was delivered.
import { type Tx, transact } from '../db/database.ts';
import { balances } from '../db/ledger/balances.ts';
import { capture } from '../db/ledger/capture.ts';
import { voidHold } from '../db/ledger/void-hold.ts';
import { warningsOfCall } from '../db/repositories/budget-repository.ts';
import { getCall, moveCall } from '../db/repositories/call-repository.ts';
import { appendMessage } from '../db/repositories/conversation-repository.ts';
import { getReceipt, saveReceipt } from '../db/repositories/receipt-repository.ts';
import { noteTrialEarnings } from '../db/repositories/trial-earning-repository.ts';
import type { Call } from '../db/schema.ts';
import { warnBudgets } from './budgets/warn-budgets.ts';
import { refusalOfFailure } from './failed-answer.ts';
import type { GeneratedAnswer } from './generate-answer.ts';
import { enqueueJob } from './jobs/enqueue-job.ts';
import { priceOf } from './listings/rate-card.ts';
import type { CallDone, CallRefusal } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { NODE_OWNER, PLATFORM_OWNER } from './owners.ts';
import type { HeldCall } from './place-hold.ts';
import { receiptAtCapture } from './receipts/receipt-at-capture.ts';
import { receiptNumber } from './receipts/receipt-number.ts';
import { splitBpsOf, splitPrice } from './split-price.ts';
import { waitForDatabase } from './wait-for-database.ts';

type Delivered = Extract<GeneratedAnswer, { kind: 'delivered' }>;

export async function settleCall(
  market: MarketplaceContext,
  held: HeldCall,
  answer: GeneratedAnswer,
): Promise<CallDone | CallRefusal> {
  if (answer.kind === 'failed') {
    await waitForDatabase(market, () => voidCall(market, held.callId, answer.code));
    return refusalOfFailure(answer.code, answer.reason, answer.retryAfterMs);
  }
  return await waitForDatabase(market, () =>
    transact(market.db, async (tx) => {
      const captured = await captureCall(market, tx, held, answer);
      if (!captured.ok) return captured;
      const { spendableNano } = await balances(tx, held.input.person.id);
      return {
        ok: true,
        callId: held.callId,
        receiptNumber: captured.receiptNumber,
        text: answer.text,
        reason: answer.reason,
        priceNano: captured.priceNano,
        availableNano: spendableNano,
        modelTitle: held.model.title,
        versionNumber: held.version.number,
        droppedMessages: answer.droppedMessages,
        warnings: captured.warnings,
        shortenedBy: held.quote.shortenedBy,
      };
    }),
  );
}

type Captured =
  | ({ readonly ok: true } & Pick<CallDone, 'priceNano' | 'receiptNumber' | 'warnings'>)
  | CallRefusal;

async function captureCall(
  market: MarketplaceContext,
  tx: Tx,
  held: HeldCall,
  answer: Delivered,
): Promise<Captured> {
  const { callId, holdId, model, conversation, rateCard, quote } = held;
  const { promptTokens, completionTokens } = answer.usage;
  const metered = priceOf(rateCard, promptTokens, completionTokens);
  // The engine's count is the truth, but nobody pays more than was quoted.
  const priceNano = metered < quote.ceilingNano ? metered : quote.ceilingNano;
  const moved = await moveCall(tx, {
    id: callId,
    from: ['generating', 'unknown'],
    to: 'captured',
    facts: {
      priceNano,
      promptTokens,
      answerTokens: completionTokens,
      answer: answer.text,
      finishReason: answer.reason,
    },
  });
  if (!moved.ok) return await settledBefore(tx, callId);
  const parts = splitPrice(priceNano, splitBpsOf(model), callId);
  const result = await capture(tx, {
    key: `capture:${callId}`,
    holdId,
    priceNano,
    parts: [
      { kind: 'call_pool', ownerId: callId, amountNano: parts.dataNano },
      { kind: 'creator', ownerId: model.creatorId, amountNano: parts.creatorNano },
      { kind: 'node', ownerId: NODE_OWNER, amountNano: parts.nodeNano },
      { kind: 'platform', ownerId: PLATFORM_OWNER, amountNano: parts.platformNano },
    ],
  });
  if (!result.ok) throw new Error(`capture of ${callId} was refused: ${result.code}`);
  if (result.priceNano > 0n) await noteTrialEarnings(tx, callId);
  await appendMessage(tx, { conversationId: conversation.id, role: 'user', content: held.question, callId });
  await appendMessage(tx, {
    conversationId: conversation.id,
    role: 'assistant',
    content: answer.text,
    callId,
  });
  const made = await receiptAtCapture(tx, market, {
    call: moved.call,
    model,
    parts,
    messages: held.messages,
  });
  const receipt = await saveReceipt(tx, { callId, ...made });
  await enqueueJob(tx, 'attribute-call', { callId });
  const warnings = await warnBudgets(market, tx, moved.call);
  return { ok: true, priceNano, receiptNumber: receiptNumber(receipt.number), warnings };
}

/** What an earlier try, or the reconciler, made of the call. */
async function settledBefore(tx: Tx, callId: string): Promise<Captured> {
  const call = await getCall(tx, callId);
  const receipt = await getReceipt(tx, callId);
  if (call?.state === 'captured' && call.priceNano !== null && receipt !== undefined) {
    const warnings = await warningsOfCall(tx, callId);
    return { ok: true, priceNano: call.priceNano, receiptNumber: receiptNumber(receipt.number), warnings };
  }
  return { ok: false, code: 'generation_failed', reason: call?.errorCode ?? 'the call had ended' };
}

/**
 * Ends a call without a price, in one transaction: the hold returns to where it came from. A call that was captured or
 * voided meanwhile is left as it is.
 * @returns what the call is now
 */
export async function voidCall(
  market: Pick<MarketplaceContext, 'db'>,
  callId: string,
  errorCode: string,
): Promise<Call['state']> {
  return await transact(market.db, async (tx) => {
    const moved = await moveCall(tx, {
      id: callId,
      from: ['quoted', 'held', 'generating', 'unknown'],
      to: 'voided',
      facts: { errorCode },
    });
    if (!moved.ok) return moved.code === 'wrong_state' ? moved.state : 'voided';
    const { holdId } = moved.call;
    if (holdId === null) return 'voided';
    const result = await voidHold(tx, { key: `void:${callId}`, holdId, reason: errorCode });
    // An expired hold has already returned: the call just has to know.
    if (!result.ok && !(result.code === 'hold_already_settled' && result.state === 'expired')) {
      throw new Error(`void of ${callId} was refused: ${result.code}`);
    }
    return 'voided';
  });
}
