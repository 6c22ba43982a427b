// What an answer used of the passages that were put into its prompt. Used by the engine's facade. It knows texts and opaque
// ids; no people, no money.
//
// The answer's loss is taken with the prompt as it was, with no passage, and with each passage alone. What a passage alone
// takes off the loss is its gain; gains above the floor are shared by their size, and together they get alpha, the part of
// the loss that all passages take off.
// Why each alone, and not each left out (ContextCite and others ablate): two passages that say the same cover for each other,
// and leaving either one out costs nothing. Measured on the shipped base, Saltmarsh Bay, 40 questions, four passages, two of
// which state the fact in half of the cases; distance (total variation) from the exact Shapley shares of all 16 prompts:
//
//   alone, with the floor  0.019    alone  0.037    left out  0.079    added one by one, in order  0.202
//
// (test/bench/attribution/retrieval-measure.ts). The floor was chosen on 40 others. What this does not see: two passages that
// help only together. They get nothing, and their alpha is the fallback's.
// Invariants: shares are >= 0 and sum to alpha or to 0; at most `passesMax` prompts beside the answer's own are run.
import type { AdapterRef, ChatMessage, RetrievalRequest, RetrievalShares } from '../../engine.ts';
import { createWordSplitter, isWord } from '../spans/span-words.ts';
import { findPassages, withoutPassages } from './passage-ablation.ts';

/** Passages that have nothing to do with the answer take up to this part off its loss (their 95 % quantile was 0.073). */
const noisePart = 0.08;
/** And a gain below this part of what all passages take off together is noise beside the others. */
const smallPart = 0.1;
const passesMaxUsual = 9;

/** Mean nats per answer token. */
type LossOf = (messages: readonly ChatMessage[], answer: string, adapter?: AdapterRef) => Promise<number>;

/** @throws EngineError of scoring, `answer_empty` */
export async function retrievalShares(
  { messages, answer, passages, adapter, passesMax = passesMaxUsual }: RetrievalRequest,
  lossOf: LossOf,
): Promise<RetrievalShares> {
  const places = findPassages(messages, passages);
  const present = places.flatMap((place, at) => (place === undefined ? [] : [{ place, at }]));
  const measured = mostAlike(
    answer,
    present.map((one) => ({ ...one, text: passages[one.at].text })),
    passesMax - 1, // one is spent on the prompt without any
  );
  const gains = new Float64Array(passages.length);
  if (measured.length === 0) return told(passages, gains, gains, 0);

  const loss = async (kept: readonly number[]): Promise<number> => {
    const cut = present.filter(({ at }) => !kept.includes(at)).map(({ place }) => place);
    return await lossOf(withoutPassages(messages, cut), answer, adapter);
  };
  const whole = await loss(present.map(({ at }) => at));
  const none = await loss([]);
  for (const { at } of measured) gains[at] = none - (present.length === 1 ? whole : await loss([at]));

  const part = none > 0 ? Math.min(1, Math.max(0, (none - whole) / none)) : 0;
  const alpha = part < noisePart ? 0 : part;
  const floor = Math.max(noisePart * none, smallPart * (none - whole));
  const paid = gains.map((gain) => (gain >= floor ? gain : 0));
  const sum = paid.reduce((total, gain) => total + gain, 0);
  const shares = paid.map((gain) => (sum > 0 ? (alpha * gain) / sum : 0));
  return told(passages, shares, gains, alpha);
}

function told(
  passages: RetrievalRequest['passages'],
  shares: Float64Array,
  gains: Float64Array,
  alpha: number,
): RetrievalShares {
  return {
    alpha,
    shares: passages.map(({ id }, at) => ({ id, share: shares[at], gainNats: gains[at] })),
  };
}

/** The passages worth a pass: those that share most words with the answer, earlier ones first where equal. */
function mostAlike<T extends { readonly text: string }>(
  answer: string,
  passages: readonly T[],
  most: number,
): readonly T[] {
  if (passages.length <= most) return passages;
  const split = createWordSplitter();
  const wordsOf = (text: string): ReadonlySet<string> =>
    new Set(
      split(text)
        .map(({ key }) => key)
        .filter(isWord),
    );
  const wanted = wordsOf(answer);
  return passages
    .map((passage) => ({
      passage,
      common: [...wordsOf(passage.text)].filter((word) => wanted.has(word)).length,
    }))
    .sort((a, b) => b.common - a.common)
    .slice(0, Math.max(0, most))
    .map(({ passage }) => passage);
}
