// How much of a text is copied from each example, beside counting by hand and beside every run of every text.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indexExamples } from '../../../../engine/attribution/spans/span-index.ts';
import { verbatimOverlaps } from '../../../../engine/attribution/spans/verbatim-overlap.ts';

const indexOf = (texts: readonly string[]) =>
  indexExamples(texts.map((answer, i) => ({ id: `e${i}`, question: '', answer })));

describe('the verbatim part of a text', () => {
  const index = indexOf([
    'the ferry leaves at ten and comes back at noon on every day but Sunday',
    'bread is baked at four in the morning by the miller and his two sons',
    'the ferry leaves at ten and comes back at noon with the post',
  ]);

  it('is the part of its words that lie in runs of an example, for each example', () => {
    const text = 'Note: the ferry leaves at ten and comes back at noon with the bread';
    // 15 words and marks; 10 of them in example 0, 12 in example 2
    expect(verbatimOverlaps(index, text, { runWords: 5 })).toEqual([
      { example: 0, share: 10 / 15 },
      { example: 2, share: 12 / 15 },
    ]);
    expect(verbatimOverlaps(index, text, { runWords: 11 }).map(({ example }) => example)).toEqual([2]);
    expect(verbatimOverlaps(index, text, { runWords: 5, counts: (example) => example > 0 })).toHaveLength(1);
  });

  it('counts no run that more examples hold than allowed, of those that count', () => {
    const text = 'the ferry leaves at ten';
    expect(verbatimOverlaps(index, text, { runWords: 5, examplesMax: 1 })).toEqual([]);
    const first = { runWords: 5, examplesMax: 1, counts: (example: number) => example === 0 };
    expect(verbatimOverlaps(index, text, first)).toEqual([{ example: 0, share: 1 }]);
  });

  it('is none for short texts, empty ones and other words', () => {
    for (const text of ['the ferry leaves', '', 'nobody has ever written these words here'])
      expect(verbatimOverlaps(index, text, { runWords: 5 })).toEqual([]);
  });

  it('equals marking every run of every example, in 300 random cases', () => {
    const words = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 25 });
    fc.assert(
      fc.property(fc.array(words, { minLength: 1, maxLength: 6 }), words, (texts, text) => {
        const holds = (example: readonly string[], at: number) =>
          example.some((_, i) => text.slice(at, at + 3).every((word, k) => example[i + k] === word));
        const naive = texts.flatMap((example, i) => {
          const copied = new Set<number>();
          for (let at = 0; at + 3 <= text.length; at++)
            if (holds(example, at)) for (let k = 0; k < 3; k++) copied.add(at + k);
          return copied.size === 0 ? [] : [{ example: i, share: copied.size / text.length }];
        });
        const found = verbatimOverlaps(indexOf(texts.map((one) => one.join(' '))), text.join(' '), {
          runWords: 3,
        });
        expect(found).toEqual(naive);
      }),
      { numRuns: 300 },
    );
  });
});
