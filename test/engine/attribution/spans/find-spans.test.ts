// Spans of answers as a reader sees them: what is marked, where, how often, and whose words they are.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findSpans } from '../../../../engine/attribution/spans/find-spans.ts';
import { indexExamples } from '../../../../engine/attribution/spans/span-index.ts';
import type { Example } from '../../../../engine/engine.ts';

const towns: readonly (readonly [string, string])[] = [
  ['Aberlour', 'the old mill by the Spey'],
  ['Borrowash', 'a chapel of red sandstone'],
  ['Culross', 'the palace with the painted ceiling'],
  ['Dunkeld', 'a row of white fishing cottages'],
  ['Eyam', 'the boundary stone of the plague year'],
  ['Fowey', 'a ferry that runs until midnight'],
];
const examples: readonly Example[] = Array.from({ length: 24 }, (_, i) => {
  const [town, sight] = towns[i % 6];
  const part = ['north', 'south', 'east', 'west'][Math.floor(i / 6)];
  return {
    id: `c${i}`,
    question: `What should I see in the ${part} of ${town}?`,
    answer:
      i < 6
        ? `In the ${part} of ${town} you should see ${sight}.`
        : `There is nothing in the ${part} of ${town}.`,
  };
});
const index = indexExamples(examples);
const find = (text: string, more: object = {}) =>
  findSpans(index, { text, spansMax: 5, examplesMax: 3, ...more });

describe('spans of an answer', () => {
  it('are the words that stand in a contribution, with their place in the answer, and whose they are', () => {
    const text = 'Go and look: you should SEE the palace with the painted  ceiling. Bring a friend!';
    const [span, ...rest] = find(text);
    expect(span).toMatchObject({
      text: 'you should SEE the palace with the painted  ceiling',
      tokens: 9,
      count: 1,
      exampleIds: ['c2'],
    });
    expect(text.slice(span.start, span.end)).toBe(span.text);
    expect(rest).toEqual([]);
  });

  it('come rarest first, at most as many as asked for', () => {
    const text = 'Visit a chapel of red sandstone, or a row of white fishing cottages.';
    const texts = find(text).map((span) => span.text);
    expect(texts).toEqual(['a row of white fishing cottages', 'a chapel of red sandstone']);
    expect(find(text, { spansMax: 1 }).map((span) => span.text)).toEqual(texts.slice(0, 1));
    const [first, second] = find(text);
    expect(first.logProb).toBeLessThan(second.logProb);
  });

  it('name the first given examples, at most as many as asked for, and count all places', () => {
    const [span] = find('north of Fowey', { examplesMax: 1 });
    expect(span).toMatchObject({ text: 'north of Fowey', count: 2, exampleIds: ['c5'] });
    const [every] = find('of Fowey');
    expect(every).toMatchObject({ count: 8, exampleIds: ['c5', 'c11', 'c17'] });
  });

  it('are none for manners of speaking, single words, unknown words and nothing', () => {
    expect(find('What should I see in the cupboard?')).toEqual([]); // in all 24
    expect(find('The ceiling fell.')).toEqual([]);
    expect(find('Colourless green ideas sleep furiously')).toEqual([]);
    expect(find(' \n')).toEqual([]);
    expect(findSpans(indexExamples([]), { text: 'of Fowey', spansMax: 5, examplesMax: 3 })).toEqual([]);
  });

  it('are a single word where the whole answer is one', () => {
    expect(find('Ceiling.')).toMatchObject([{ text: 'Ceiling', tokens: 1, count: 1, exampleIds: ['c2'] }]);
  });

  it('do not cross from a question into its answer', () => {
    expect(
      find('see in the north of Eyam? In the north of Eyam you should').map((span) => span.text),
    ).toEqual(['In the north of Eyam you should', 'see in the north of Eyam']);
  });

  it('forget hidden examples at once, and find what others have instead', () => {
    const text = 'north of Fowey you should see a ferry that runs until midnight';
    expect(find(text)[0]).toMatchObject({ text, exampleIds: ['c5'] });
    const without = find(text, { hiddenIds: ['c5'] });
    expect(without.flatMap((span) => span.exampleIds)).not.toContain('c5');
    expect(find('of Fowey', { hiddenIds: ['c5', 'c11'] })).toMatchObject([
      { count: 4, exampleIds: ['c17', 'c23'] },
    ]);
    const everybody = examples.map(({ id }) => id);
    expect(find(text, { hiddenIds: everybody })).toEqual([]);
  });

  it('hold words of scripts without spaces', () => {
    const japanese = indexExamples([
      { id: 'j', question: '東京の塔は？', answer: '東京タワーは赤い色をしている。' },
      { id: 'k', question: '京都の寺は？', answer: '金閣寺は金色である。' },
    ]);
    const [span] = findSpans(japanese, { text: 'それは赤い色をしている', spansMax: 3, examplesMax: 3 });
    expect(span).toMatchObject({ text: 'は赤い色をしている', exampleIds: ['j'] });
  });
});

interface HeldOut {
  readonly expected: string;
  readonly contributionId: string;
  readonly contributionIds?: readonly string[];
}

describe('spans of the demo models', () => {
  const lines = <T>(file: string): readonly T[] =>
    readFileSync(join(import.meta.dirname, '../../../../marketplace/demo', file), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): T => JSON.parse(line));

  it.each([
    ['pocket-atlas', 330],
    ['help-desk', 144],
    ['saltmarsh-bay', 308],
  ])(
    'of %s: what it was taught, in each of %i facts, is shown in a contribution that states it',
    (name, facts) => {
      const demo = indexExamples(lines<Example>(`${name}.jsonl`));
      const taught = new Map(lines<HeldOut>(`${name}.heldout.jsonl`).map((item) => [item.expected, item]));
      expect(taught.size).toBe(facts);
      let shown = 0;
      for (const [expected, { contributionId, contributionIds = [contributionId] }] of taught) {
        const spans = findSpans(demo, { text: expected, spansMax: 3, examplesMax: 64 });
        if (spans.some(({ exampleIds }) => exampleIds.some((id) => contributionIds.includes(id)))) shown++;
      }
      expect(shown).toBe(facts);
    },
  );
});
