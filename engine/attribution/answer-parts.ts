// Which tokens of an answer make a part of its text. Used by attribute.ts for "who made this sentence". It knows texts and
// token ids; no model, no scores.
// Tokens and characters do not line up by themselves (chat template, tokens across a border), so the answer is tokenised
// once more up to each border: the tokens that both have in common lie before it.
import type { ChatMessage, TextRange } from '../engine.ts';
import type { BaseModel } from './adapted-model.ts';
import type { TokenisedExample } from './gradient-model.ts';

interface TokenisedAnswer {
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
  /** Of messages and answer. */
  readonly example: TokenisedExample;
}

/** Places in the whole's ids: [start, end). */
interface TokenRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The tokens of a part: a token across a border belongs to the part behind it; the token that ends the turn belongs to
 * the part that ends the answer. Undefined where the part has none, or lies beyond what the model reads of a long answer.
 * @throws RangeError for a range that is not in the answer
 */
export function tokensOfRange(
  tokenise: BaseModel['tokenise'],
  whole: TokenisedAnswer,
  { start, end }: TextRange,
): TokenRange | undefined {
  const { answer, example } = whole;
  if (
    !(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= answer.length)
  )
    throw new RangeError(`no part of an answer of ${answer.length} characters: ${start} to ${end}`);
  const isLast = answer.slice(end).trim() === '';
  const from = tokensBefore(tokenise, whole, start);
  const to = isLast ? example.ids.length : tokensBefore(tokenise, whole, end);
  return from < to ? { start: from, end: to } : undefined;
}

/** How many ids lie before a place in the answer. */
function tokensBefore(
  tokenise: BaseModel['tokenise'],
  { messages, answer, example }: TokenisedAnswer,
  place: number,
): number {
  const prefix = tokenise(messages, answer.slice(0, place));
  if (prefix === undefined) return example.answerStart; // nothing, or white space only, lies before
  const shorter = prefix.ids.slice(prefix.answerStart); // a long prompt may be cut at another place
  const longer = example.ids.slice(example.answerStart);
  const apart = longer.findIndex((id, i) => id !== shorter[i]);
  return example.answerStart + (apart === -1 ? longer.length : apart);
}
