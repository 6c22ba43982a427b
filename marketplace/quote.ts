// Step 2 of a paid call, the quote: the prompt that fits, and the most the answer may cost. Used by paid-call.ts.
// The hold is sized by the budgets and the length the answer may have, never by the model's maximum. Nothing is written.
// Invariants: prompt and longest answer fit the context together; the ceiling never exceeds what is left of any budget.
import type { Nano } from '../db/ledger/amount.ts';
import { balances } from '../db/ledger/balances.ts';
import { hasAnswered } from '../db/repositories/call-repository.ts';
import type { Model } from '../db/schema.ts';
import type { ChatMessage } from '../engine/engine.ts';
import { readBudgets } from './budgets/budget.ts';
import { fitBudgets } from './budgets/fit-budgets.ts';
import { priceOf } from './listings/rate-card.ts';
import type { CallRefusal, Quote, RateCard } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import type { OpenedCall } from './open-call.ts';
import { conversationHistory, historyMessagesMax, promptMessages } from './prompt-messages.ts';
import { waitForDatabase } from './wait-for-database.ts';

export interface QuotedCall extends OpenedCall {
  readonly messages: readonly ChatMessage[];
  /** Earlier messages that were left out because they did not fit. */
  readonly droppedMessages: number;
  readonly rateCard: RateCard;
  readonly quote: Quote;
}

export async function quoteCall(
  market: MarketplaceContext,
  opened: OpenedCall,
): Promise<QuotedCall | CallRefusal> {
  const { engine, settings, db } = market;
  const fitted = await fitPrompt(market, opened, promptTokensMaxOf(market));
  if (!fitted.ok) return fitted;
  const { messages, promptTokens, droppedMessages } = fitted;
  const rateCard = rateCardOf(opened.model);
  const { person } = opened.input;
  const place = { personId: person.id, conversationId: opened.conversation.id };
  const room = engine.contextTokens - promptTokens;
  const { budgets, availableNano, firstOfModel } = await waitForDatabase(market, async () => ({
    budgets: await readBudgets(market, db, place),
    availableNano: (await balances(db, person.id)).spendableNano,
    firstOfModel: !(await hasAnswered(db, { personId: person.id, modelId: opened.model.id })),
  }));
  const fitting = fitBudgets({ rateCard, promptTokens, room, settings, budgets });
  if (!fitting.ok) return fitting;
  const { ceilingNano, answerTokensMax, shortenedBy } = fitting;
  const quote = { ceilingNano, availableNano, promptTokens, answerTokensMax, shortenedBy, firstOfModel };
  return { ...opened, messages, droppedMessages, rateCard, quote };
}

/** Room for an answer is kept free: half of the context, or what the longest answer takes. */
function promptTokensMaxOf({ engine, settings }: Pick<MarketplaceContext, 'engine' | 'settings'>): number {
  const reserve = Math.max(1, Math.min(settings.answerTokensMax, Math.floor(engine.contextTokens / 2)));
  return engine.contextTokens - reserve;
}

/** What no answer of the model costs more than, whatever is asked and whatever the budget. */
export function ceilingOf(market: Pick<MarketplaceContext, 'engine' | 'settings'>, model: Model): Nano {
  return priceOf(rateCardOf(model), promptTokensMaxOf(market), market.settings.answerTokensMax);
}

export function rateCardOf(model: Model): RateCard {
  return {
    perCallNano: model.priceCallNano,
    per1kPromptTokensNano: model.pricePromptKtokenNano,
    per1kAnswerTokensNano: model.priceAnswerKtokenNano,
  };
}

type FittedPrompt =
  | {
      readonly ok: true;
      readonly messages: readonly ChatMessage[];
      readonly promptTokens: number;
      readonly droppedMessages: number;
    }
  | CallRefusal;

/** Drops the oldest turns until the prompt fits; a question that does not fit alone is refused with what would. */
async function fitPrompt(
  market: MarketplaceContext,
  { conversation, version, question }: OpenedCall,
  promptTokensMax: number,
): Promise<FittedPrompt> {
  const messagesMax = historyMessagesMax(version, market.settings);
  const all = await waitForDatabase(market, () =>
    conversationHistory(market.db, conversation.id, messagesMax),
  );
  for (let dropped = 0; ; dropped += 2) {
    const messages = promptMessages(all.slice(dropped), question);
    const promptTokens = await market.engine.countPromptTokens(messages);
    if (promptTokens <= promptTokensMax)
      return { ok: true, messages, promptTokens, droppedMessages: dropped };
    if (dropped < all.length) continue;
    const chars = [...question].length;
    const charsMax = Math.max(1, Math.floor((chars * promptTokensMax) / promptTokens) - 1);
    return { ok: false, code: 'question_too_long', chars, charsMax };
  }
}
