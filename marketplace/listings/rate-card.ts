// What a call costs: the listing's rate card times the tokens, and how many answer tokens a budget buys.
// Used by quote.ts (the ceiling), settle-call.ts (the price) and receipts (recomputation). Pure; integers only.
// Invariant: the price never falls when tokens grow, so a price of fewer tokens never exceeds the ceiling.
import { addNano, type Nano, nano, priceRoundedUp } from '../../db/ledger/amount.ts';
import type { RateCard } from '../marketplace.ts';

const PER = 1_000n;

/** perCall + prompt tokens + answer tokens, each part rounded up to a whole nano-OPEN. */
export function priceOf(card: RateCard, promptTokens: number, answerTokens: number): Nano {
  return addNano(
    card.perCallNano,
    priceRoundedUp(card.per1kPromptTokensNano, promptTokens, PER),
    priceRoundedUp(card.per1kAnswerTokensNano, answerTokens, PER),
  );
}

/** The most answer tokens whose whole call costs at most `budgetNano`; null when not even the prompt is affordable. */
export function answerTokensWithin(card: RateCard, promptTokens: number, budgetNano: Nano): number | null {
  const leftNano = budgetNano - priceOf(card, promptTokens, 0);
  if (leftNano < 0n) return null;
  if (card.per1kAnswerTokensNano === 0n) return Number.MAX_SAFE_INTEGER;
  return Number((nano(leftNano) * PER) / card.per1kAnswerTokensNano); // rounded down
}
