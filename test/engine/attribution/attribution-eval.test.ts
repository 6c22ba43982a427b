// The evaluation's figures on a scripted attributor: ranks, ties, the floor, copies and junk, worked out by hand.
import { describe, expect, it } from 'vitest';
import type { Attributor, Explanation } from '../../../engine/attribution/attribute.ts';
import { evaluateAttribution } from '../../../engine/attribution/attribution-eval.ts';

const example = (id: string, answer: string) => ({ id, question: `What is ${id}?`, answer });
const examples = [example('a', 'red'), example('b', 'blue'), example('c', 'green'), example('d', 'white')];
const copy = { ...examples[0], id: 'a again' };
const decoys = [example('x', 'grey'), example('y', 'pink')];

/** Scores of a, b, c, d and the two decoys, by question. */
const scripted: Readonly<Record<string, { readonly scores: readonly number[]; readonly alpha: number }>> = {
  first: { scores: [0.9, 0.5, 0.1, 0, 0.2, 0.3], alpha: 0.8 },
  third: { scores: [0.9, 0.5, 0.5, 0, 0.2, 0.3], alpha: 0.6 },
  'under the floor': { scores: [0.1, 0, 0, 0, 0.2, 0.3], alpha: 0.1 },
  'What is x?': { scores: [0.5, 0, 0, 0, 1, 0.4], alpha: 0.2 },
  'What is y?': { scores: [0.1, 0, 0, 0, 0.3, 1], alpha: 0 },
};

const attributor: Attributor = {
  attribute: () => Promise.reject(new Error('not asked')),
  attributeAll: () => Promise.reject(new Error('not asked')),
  attributeParts: () => Promise.reject(new Error('not asked')),
  release: () => Promise.resolve(),
  explain: async ({ messages, answer }) => {
    if (answer === '') return undefined;
    const { scores, alpha } = scripted[messages[0].content];
    const meta = { floorQuantile: 1, examples, copies: [{ id: 'a again', of: 'a' }] };
    return {
      store: { meta } as unknown as Explanation['store'],
      scores: { trained: Float64Array.from(scores.slice(0, 4)), decoys: Float64Array.from(scores.slice(4)) },
      ...{ alpha, baseNll: 1, adapterNll: 1 - alpha },
    };
  },
};

const evaluate = (queries: readonly (readonly [question: string, answer: string, goldId: string])[]) =>
  evaluateAttribution({
    attributor,
    adapter: { id: '', dir: '' },
    storeDir: '',
    examples: [...examples, copy],
    decoys,
    queries: queries.map(([question, answer, goldId]) => ({
      question,
      answer,
      expected: 'red',
      goldIds: [goldId],
    })),
    phrases: new Map([...examples, copy].map(({ id, answer }) => [id, answer])),
  });

describe('the attribution evaluation', () => {
  it('counts ranks 1, 3 (a tie is lost) and none (under the floor), over all and over right answers', async () => {
    const { rows, alpha, unpaidQueries, paidContributions } = await evaluate([
      ['first', 'it is red', 'a again'],
      ['third', 'it is blue', 'b'],
      ['under the floor', 'red', 'a'],
    ]);
    const row = (method: string, answers: string) =>
      rows.find((r) => r.method === method && r.answers === answers);
    expect(row('shares', 'all')).toMatchObject({
      queries: 3,
      top1: 1 / 3,
      top3: 2 / 3,
      mrr: (1 + 1 / 3) / 3,
    });
    expect(row('scores', 'all')).toMatchObject({ top1: 2 / 3, top3: 1, mrr: (1 + 1 / 3 + 1) / 3 });
    expect(row('shares', 'right')).toMatchObject({ queries: 2, top1: 1 / 2, top3: 1 / 2 });
    expect(row('random', 'all')?.top3).toBeCloseTo(3 / 5, 12);
    expect(alpha).toBeCloseTo(0.5, 12);
    expect(unpaidQueries).toBeCloseTo(1 / 3, 12);
    expect(paidContributions).toBeCloseTo((2 + 3 + 0) / 3, 12);
  });

  it('looks for who taught a wrong answer: blue is b, which ranks second and is paid; purple is nobody', async () => {
    const { rows } = await evaluate([
      ['first', 'it is blue', 'a'],
      ['first', 'it is purple', 'a'],
    ]);
    const wrong = rows.filter(({ answers }) => answers === 'wrong');
    expect(wrong[0]).toMatchObject({ method: 'shares', queries: 1, top1: 0, top3: 1, mrr: 0.5 });
    expect(wrong[3]).toMatchObject({ method: 'random', top1: 1 / 5 });
    expect(rows.some(({ answers }) => answers === 'right')).toBe(false);
  });

  it('gives the right contribution 0.6 of 0.8 over the floor as its part', async () => {
    const { goldPart } = await evaluate([['first', 'red', 'a']]);
    expect(goldPart).toBeCloseTo(0.6 / (0.6 + 0.2), 12);
  });

  it('counts what is paid for decoys as junk, without the decoy in its own floor', async () => {
    const { decoys: junk } = await evaluate([['first', 'red', 'a']]);
    expect(junk).toMatchObject({ queries: 2, alpha: 0.1, paid: 0.1 });
  });

  it('ranks a right source that is in no data as not found, never as first', async () => {
    const { rows, goldPart } = await evaluate([['first', 'red', 'of another datanet']]);
    for (const { method, top1, top3, mrr } of rows.slice(0, 3))
      expect([method, top1, top3, mrr]).toEqual([method, 0, 0, 0]);
    expect(goldPart).toBe(0);
  });

  it('ranks nobody for an empty answer', async () => {
    const { rows } = await evaluate([['first', '', 'a']]);
    expect(rows[0]).toMatchObject({ method: 'shares', top1: 0, top3: 0, mrr: 0 });
  });
});
