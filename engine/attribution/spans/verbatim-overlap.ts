// How much of a text is copied word for word from each example of an index. Used by clustering (near-duplicates) and by
// measures of copying. It knows texts and opaque ids.
// A word counts as copied from an example when it lies in a stretch of `stretchWords` words that stands in that example.
// Stretches that stand in many examples are manners of speaking ("What is the capital of") and make nobody a copy.
// Two parts are told: of the words, and of their surprise (-log of how common each word is in the index), which weighs the
// name that is copied more than the sentence around it.
import type { SpanIndex } from './span-index.ts';
import { ranksOf } from './span-search.ts';
import { createWordSplitter } from './span-words.ts';

interface VerbatimOverlap {
  /** Position in the index's `exampleIds`. */
  readonly example: number;
  /** Part of the text's words that stand in the example, 0..1. */
  readonly share: number;
  /** The same with each word weighed by its surprise, 0..1. */
  readonly surpriseShare: number;
}

interface OverlapOptions {
  /** 5 where left out: fewer are found in texts that have nothing to do with each other. */
  readonly stretchWords?: number;
  /** Stretches in more examples than this count for none; 20 where left out. */
  readonly examplesMax?: number;
  /** Only examples for which this holds, such as the earlier ones; all where left out. */
  readonly counts?: (example: number) => boolean;
}

/**
 * @param texts a question and its answer, or any others: stretches do not cross from one into the next
 * @returns most of the words first; examples without a common stretch are left out. A text shorter than a stretch is
 * looked for as a whole.
 */
export function verbatimOverlaps(
  index: SpanIndex,
  texts: readonly string[],
  { stretchWords = 5, examplesMax = 20, counts = () => true }: OverlapOptions = {},
): readonly VerbatimOverlap[] {
  const split = createWordSplitter();
  const copied = new Map<number, { words: number; surprise: number; reached: number }>();
  let before = 0; // words of the texts before
  const surprises: number[] = [];
  for (const text of texts) {
    const wanted = Uint32Array.from(split(text), ({ key }) => index.numberOf(key));
    for (const word of wanted) surprises.push(surpriseOf(index, word));
    const size = Math.min(stretchWords, wanted.length);
    for (let from = 0; size > 0 && from + size <= wanted.length; from++) {
      for (const example of holders(index, wanted, from, from + size, examplesMax)) {
        if (!counts(example)) continue;
        const so = copied.get(example) ?? { words: 0, surprise: 0, reached: 0 };
        copied.set(example, so);
        for (let at = Math.max(so.reached, before + from); at < before + from + size; at++) {
          so.words += 1;
          so.surprise += surprises[at];
        }
        so.reached = before + from + size;
      }
    }
    before += wanted.length;
  }
  const surprise = surprises.reduce((sum, value) => sum + value, 0);
  return [...copied]
    .map(([example, so]) => ({ example, share: so.words / before, surpriseShare: so.surprise / surprise }))
    .sort((a, b) => b.share - a.share || a.example - b.example);
}

/** Examples that hold wanted[from, to), or none where they are more than `most`. */
function holders(
  index: SpanIndex,
  wanted: Uint32Array,
  from: number,
  to: number,
  most: number,
): ReadonlySet<number> {
  const examples = new Set<number>();
  if (wanted.subarray(from, to).includes(0)) return examples;
  const { low, high } = ranksOf(index, wanted, from, to);
  for (let rank = low; rank < high; rank += readAtOnce)
    for (const place of index.places(rank, Math.min(high, rank + readAtOnce))) {
      examples.add(index.exampleAt(place));
      if (examples.size > most) return new Set();
    }
  return examples;
}

const readAtOnce = 256;

/** In nats; a word that no example holds is as surprising as one that stands once. */
function surpriseOf(index: SpanIndex, word: number): number {
  const count = word === 0 ? 1 : index.firstRank(word + 1) - index.firstRank(word);
  return Math.log((index.tokenCount + 1) / count);
}
