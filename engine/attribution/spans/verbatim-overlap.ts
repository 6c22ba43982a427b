// How much of a text stands word for word in each example of an index, in runs long enough that they are no turn of phrase.
// Used by duplicate-clusters.ts for documents and long answers, where single words say little. It knows texts and positions.
// A word counts as copied from an example when it lies in a run of `runWords` words that stands in that example. The suffix
// array takes 8 bytes a word. Beside a set of every run of every text (verbatim-runs.ts, right for two texts), 20,000 texts of
// 80 words: the same copies, 62 MB of memory instead of 352, 4.8 s of a processor instead of 1.4.
import type { SpanIndex } from './span-index.ts';
import { ranksOf } from './span-search.ts';
import { createWordSplitter } from './span-words.ts';

interface VerbatimOverlap {
  /** Position in the index's `exampleIds`. */
  readonly example: number;
  /** Part of the text's words that stand in the example, 0..1. */
  readonly share: number;
}

interface OverlapOptions {
  readonly runWords: number;
  /** Runs in more examples than this, of those that count, are a manner of speaking and count for none; 200 where left out. */
  readonly examplesMax?: number;
  /** Only examples for which this holds; all where left out. */
  readonly counts?: (example: number) => boolean;
}

/** A run in more places than this is not looked at. */
const placesMax = 4096;

/** @returns the earliest example first; those without a common run are left out, all for a text shorter than a run */
export function verbatimOverlaps(
  index: SpanIndex,
  text: string,
  options: OverlapOptions,
): readonly VerbatimOverlap[] {
  const { runWords } = options;
  const wanted = Uint32Array.from(createWordSplitter()(text), ({ key }) => index.numberOf(key));
  const copied = new Map<number, { words: number; reached: number }>();
  for (let from = 0; from + runWords <= wanted.length; from++)
    for (const example of holders(index, wanted.subarray(from, from + runWords), options)) {
      const so = copied.get(example) ?? { words: 0, reached: 0 };
      copied.set(example, so);
      so.words += from + runWords - Math.max(so.reached, from);
      so.reached = from + runWords;
    }
  return [...copied]
    .map(([example, { words }]) => ({ example, share: words / wanted.length }))
    .sort((a, b) => a.example - b.example);
}

function holders(
  index: SpanIndex,
  run: Uint32Array,
  { examplesMax = 200, counts = () => true }: OverlapOptions,
): ReadonlySet<number> {
  const examples = new Set<number>();
  if (run.includes(0)) return examples;
  const { low, high } = ranksOf(index, run, 0, run.length);
  if (high - low > placesMax) return examples;
  for (const place of index.places(low, high)) {
    const example = index.exampleAt(place);
    if (counts(example)) examples.add(example);
    if (examples.size > examplesMax) return new Set();
  }
  return examples;
}
