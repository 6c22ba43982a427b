// Words of an answer that stand verbatim in contributions: maximal spans, rarest first, with the examples that hold them.
// Used by the span worker. It knows texts and opaque ids; no people. Evidence beside the shares, never the shares: a
// contribution may make an answer without lending it words, and lend words without making it.
//
// After OLMoTrace (arXiv 2504.07096): from each word on the longest stretch that stands in the examples; of these the ones
// that no other one holds; ordered by the probability of their words. Different here: no cut at full stops, since texts end
// where a contribution ends; and two filters, since datanets are small and written after patterns.
import type { AnswerSpan, FindSpansRequest } from '../../engine.ts';
import type { SpanIndex } from './span-index.ts';
import { type HiddenExamples, longestMatch, ranksOf } from './span-search.ts';
import { createWordSplitter, isWord, type SpanWord } from './span-words.ts';

/**
 * A stretch counts when words drawn by chance would make it less than this often in texts of the datanet's size; a single
 * word, or "of the", never does. The whole answer counts always, be it one word.
 */
const chanceMax = 0.1;
/** A stretch in more examples than this, and than the part of all, is a manner of speaking. */
const manyExamples = 10;
const manyPart = 1 / 20;
/** Beyond this many places nobody counts the examples. */
const placesMax = 20_000;

/** Offsets in `text` are those of AnswerSpan; a text of spaces, or of words that nobody wrote, has no spans. */
export function findSpans(
  index: SpanIndex,
  { text, spansMax, examplesMax, hiddenIds = [] }: Omit<FindSpansRequest, 'indexDir'>,
): readonly AnswerSpan[] {
  const words = createWordSplitter()(text);
  const wanted = Uint32Array.from(words, ({ key }) => index.numberOf(key));
  const hidden = positionsOf(index, hiddenIds);
  const spoken = words.filter(({ key }) => isWord(key)).length;
  return maximalStretches(index, wanted, hidden)
    .map((stretch) => withoutOuterMarks(words, stretch))
    .filter(({ from, to }) => from < to)
    .map(({ from, to }) => ({ from, to, logProb: logProbOf(index, wanted.subarray(from, to)) }))
    .filter((stretch) => isUnlikely(index, stretch) || holdsAll(words, stretch, spoken))
    .map((stretch) => ({ ...stretch, ...placesOf(index, wanted, stretch, hidden) }))
    .filter(({ examples }) => examples.length > 0 && examples.length <= examplesMost(index))
    .sort((a, b) => a.logProb - b.logProb || a.from - b.from)
    .slice(0, spansMax)
    .map(({ from, to, count, logProb, examples }) => {
      const [start, end] = [words[from].start, words[to - 1].end];
      const exampleIds = examples.slice(0, examplesMax).map((i) => index.exampleIds[i]);
      return { start, end, text: text.slice(start, end), tokens: to - from, count, logProb, exampleIds };
    });
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

function maximalStretches(index: SpanIndex, wanted: Uint32Array, hidden: HiddenExamples): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let reached = 0;
  for (let from = 0; from < wanted.length; from++) {
    if (wanted[from] === 0) continue;
    let runEnd = wanted.indexOf(0, from);
    if (runEnd === -1) runEnd = wanted.length;
    const to = from + longestMatch(index, wanted, from, runEnd, hidden);
    if (to > reached) stretches.push({ from, to }); // else the stretch before holds it
    reached = Math.max(reached, to);
  }
  return stretches;
}

/** Punctuation at either end says nothing; a stretch may lose all. */
function withoutOuterMarks(words: readonly SpanWord[], stretch: Stretch): Stretch {
  let { from, to } = stretch;
  while (from < to && !isWord(words[from].key)) from++;
  while (from < to && !isWord(words[to - 1].key)) to--;
  return { from, to };
}

/** Natural log of the probability that words drawn by their counts are these. */
function logProbOf(index: SpanIndex, words: Uint32Array): number {
  let sum = 0;
  for (const word of words)
    sum += Math.log((index.firstRank(word + 1) - index.firstRank(word)) / index.tokenCount);
  return sum;
}

function isUnlikely(index: SpanIndex, { logProb }: { readonly logProb: number }): boolean {
  return index.tokenCount * Math.exp(logProb) < chanceMax;
}

/** How often a stretch stands in examples that are not hidden, and in which, ascending; none where it is in too many places. */
function placesOf(
  index: SpanIndex,
  wanted: Uint32Array,
  { from, to }: Stretch,
  hidden: HiddenExamples,
): { readonly count: number; readonly examples: readonly number[] } {
  const { low, high } = ranksOf(index, wanted, from, to);
  if (high - low > placesMax) return { count: high - low, examples: [] };
  const examples = new Set<number>();
  let count = 0;
  for (const place of index.places(low, high)) {
    const example = index.exampleAt(place);
    if (hidden.has(example)) continue;
    examples.add(example);
    count++;
  }
  return { count, examples: [...examples].sort((a, b) => a - b) };
}

function examplesMost(index: SpanIndex): number {
  return Math.max(manyExamples, index.exampleIds.length * manyPart);
}

function holdsAll(words: readonly SpanWord[], { from, to }: Stretch, spoken: number): boolean {
  return words.slice(from, to).filter(({ key }) => isWord(key)).length === spoken;
}

function positionsOf(index: SpanIndex, ids: readonly string[]): HiddenExamples {
  const hidden = new Set(ids);
  return new Set(
    hidden.size === 0 ? [] : [...index.exampleIds.keys()].filter((i) => hidden.has(index.exampleIds[i])),
  );
}
