// Step 3 of a paid call, the hold: the call's row and the amount set aside for it, in one transaction, so that neither
// exists without the other. Used by paid-call.ts. Idempotent by the inbound event: a retry after a lost commit finds
// what it wrote. Too little balance, or a budget that another call has used up since the quote, writes nothing and
// generates nothing. A person's holds are placed one after the other, so that two calls never share the rest of a budget.
import { id as keccakOfText } from 'ethers';
import { type Tx, transact } from '../db/database.ts';
import { hold } from '../db/ledger/hold.ts';
import { lockSpending } from '../db/repositories/budget-repository.ts';
import { createCall, getCallByEvent, moveCall } from '../db/repositories/call-repository.ts';
import type { Call } from '../db/schema.ts';
import { readBudgets } from './budgets/budget.ts';
import { fitBudgets } from './budgets/fit-budgets.ts';
import { answerTokensWithin } from './listings/rate-card.ts';
import type { CallRefusal, Quote } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { refusalOfSeen } from './open-call.ts';
import type { QuotedCall } from './quote.ts';
import { canonicalJson } from './receipts/canonical-json.ts';
import { waitForDatabase } from './wait-for-database.ts';

export interface HeldCall extends QuotedCall {
  readonly callId: string;
  readonly holdId: string;
}

/** Thrown inside the transaction to roll it back; carries the refusal out of it. */
class HoldRefused extends Error {
  readonly refusal: CallRefusal;
  constructor(refusal: CallRefusal) {
    super(refusal.ok ? '' : refusal.code);
    this.refusal = refusal;
  }
}

export async function placeHold(
  market: MarketplaceContext,
  quoted: QuotedCall,
): Promise<HeldCall | CallRefusal> {
  let tries = 0;
  try {
    return await waitForDatabase(market, () => {
      tries += 1;
      return tryToHold(market, quoted, tries > 1);
    });
  } catch (fault) {
    if (fault instanceof HoldRefused) return fault.refusal;
    throw fault;
  }
}

async function tryToHold(
  market: MarketplaceContext,
  quoted: QuotedCall,
  isRetry: boolean,
): Promise<HeldCall> {
  const { input, conversation, model, version, messages, question } = quoted;
  return await transact(market.db, async (tx) => {
    await lockSpending(tx, input.person.id);
    const earlier = await getCallByEvent(tx, input.eventKey);
    const quote = earlier === undefined ? await quoteWithin(market, tx, quoted) : quoteOf(earlier, quoted);
    const { call, created } = await createCall(tx, {
      eventKey: input.eventKey,
      personId: input.person.id,
      conversationId: conversation.id,
      modelId: model.id,
      modelVersionId: version.id,
      ceilingNano: quote.ceilingNano,
      prompt: question,
      promptHash: keccakOfText(canonicalJson(messages.map(({ role, content }) => ({ role, content })))),
      quotedAt: market.clock(),
    });
    // Somebody was faster, unless this is our own commit whose answer got lost.
    const ours = created || (isRetry && call.state === 'held' && call.personId === input.person.id);
    if (!ours) throw new HoldRefused(refusalOfSeen(call));
    quoted.live.is(call.id);
    const held = await hold(tx, {
      key: `hold:${call.id}`,
      ownerId: input.person.id,
      amountNano: quote.ceilingNano,
      callId: call.id,
      expiresAt: new Date(market.clock().getTime() + market.settings.holdLifeMs),
    });
    if (!held.ok) {
      if (held.code !== 'balance_too_low') throw new Error(`hold of ${call.id} was refused: ${held.code}`);
      const { neededNano, availableNano } = held;
      throw new HoldRefused({ ok: false, code: 'balance_too_low', neededNano, availableNano });
    }
    if (created)
      await moveCall(tx, { id: call.id, from: ['quoted'], to: 'held', facts: { holdId: held.holdId } });
    return { ...quoted, quote, callId: call.id, holdId: held.holdId };
  });
}

/** What the person was quoted, or less where a call elsewhere has taken from a budget meanwhile. */
async function quoteWithin(market: MarketplaceContext, tx: Tx, quoted: QuotedCall): Promise<Quote> {
  const { input, conversation, rateCard, quote } = quoted;
  const place = { personId: input.person.id, conversationId: conversation.id };
  const budgets = await readBudgets(market, tx, place);
  const { promptTokens, answerTokensMax: room } = quote;
  const fitted = fitBudgets({ rateCard, promptTokens, room, settings: market.settings, budgets });
  if (!fitted.ok) throw new HoldRefused(fitted);
  const { answerTokensMax, ceilingNano } = fitted;
  return { ...quote, answerTokensMax, ceilingNano, shortenedBy: fitted.shortenedBy ?? quote.shortenedBy };
}

/** The quote that an earlier try of ours wrote down before its answer got lost. */
function quoteOf({ ceilingNano }: Call, { rateCard, quote }: QuotedCall): Quote {
  const affordable = answerTokensWithin(rateCard, quote.promptTokens, ceilingNano) ?? 0;
  return { ...quote, ceilingNano, answerTokensMax: Math.min(quote.answerTokensMax, affordable) };
}
