// Searching the index, in memory and from its folder, beside looking at every place of every text.

import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildSpanArrays,
  indexExamples,
  type SpanIndex,
} from '../../../../engine/attribution/spans/span-index.ts';
import { openSpanIndex, writeSpanIndex } from '../../../../engine/attribution/spans/span-index-file.ts';
import { longestMatch, ranksOf } from '../../../../engine/attribution/spans/span-search.ts';
import type { Example } from '../../../../engine/engine.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const folder = temporaryFolder();
let folders = 0;

interface Case {
  readonly examples: readonly Example[];
  readonly wanted: readonly string[];
  readonly hidden: ReadonlySet<number>;
}

/** Texts over few words, so that much is shared; some far longer than a piece of comparison, and copies of each other. */
const text = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 }), fc.constantFrom(1, 1, 1, 3))
  .map(([words, times]) => Array.from({ length: times }, () => words).flat());
const cases: fc.Arbitrary<Case> = fc
  .tuple(
    fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 12 }),
    fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 40 }),
    fc.array(fc.nat(12), { maxLength: 3 }),
  )
  .map(([texts, other, hidden]) => ({
    examples: texts.map(([question, answer], i) => ({
      id: `e${i}`,
      question: question.join(' '),
      answer: answer.join(' '),
    })),
    // words of the texts, so that far more than a piece of comparison is the same, between words that are none's
    wanted: [
      ...other.slice(0, 5),
      ...texts[0][0].slice(3),
      ...other.slice(5),
      ...(texts.at(-1)?.[1] ?? []),
    ].slice(-70),
    hidden: new Set(hidden),
  }));

function standsIn(words: readonly string[], stretch: readonly string[]): number {
  let count = 0;
  for (let at = 0; at + stretch.length <= words.length; at++)
    if (stretch.every((word, i) => words[at + i] === word)) count++;
  return count;
}

const textsOf = ({ question, answer }: Example): readonly (readonly string[])[] =>
  [question, answer].map((one) => one.split(' ').filter((word) => word !== ''));

function naiveCount(
  examples: readonly Example[],
  stretch: readonly string[],
  hidden: ReadonlySet<number>,
): number {
  return examples
    .filter((_, i) => !hidden.has(i))
    .flatMap(textsOf)
    .reduce((sum, words) => sum + standsIn(words, stretch), 0);
}

function check(index: SpanIndex, { examples, wanted: words, hidden }: Case): void {
  const wanted = Uint32Array.from(words, (word) => index.numberOf(word));
  for (let from = 0; from < wanted.length; from++) {
    if (wanted[from] === 0) {
      expect(naiveCount(examples, [words[from]], new Set())).toBe(0);
      continue;
    }
    const zero = wanted.indexOf(0, from);
    const end = zero === -1 ? wanted.length : zero;
    let longest = 0;
    while (from + longest < end && naiveCount(examples, words.slice(from, from + longest + 1), hidden) > 0)
      longest++;
    expect(longestMatch(index, wanted, from, end, hidden)).toBe(longest);
    const to = Math.min(end, from + 3);
    const { low, high } = ranksOf(index, wanted, from, to);
    expect(high - low).toBe(naiveCount(examples, words.slice(from, to), new Set()));
    for (const place of index.places(low, high)) {
      const example = textsOf(examples[index.exampleAt(place)]);
      expect(example.some((one) => standsIn(one, words.slice(from, to)) > 0)).toBe(true);
    }
  }
}

describe('searching a span index', () => {
  it('finds in memory what looking everywhere finds, with and without hidden examples', () => {
    fc.assert(
      fc.property(cases, (one) => check(indexExamples(one.examples), one)),
      { numRuns: 150 },
    );
  });

  it('finds the same in a folder', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const at = join(folder, `index-${folders++}`);
        writeSpanIndex(at, buildSpanArrays(one.examples));
        const index = openSpanIndex(at);
        try {
          check(index, one);
        } finally {
          index.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});
