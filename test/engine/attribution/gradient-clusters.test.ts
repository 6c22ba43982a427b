// What gradients add to clusters: one answer to two questions is one fact if it is learned by nearly the same step.
// Covered: both sides of the threshold, unlike texts with equal gradients, rows and products that stay, order.
import { describe, expect, it } from 'vitest';
import type { GramMatrix } from '../../../engine/attribution/dual-fisher.ts';
import { clusterDuplicates } from '../../../engine/attribution/duplicate-clusters.ts';
import { joinByGradient, keptGram } from '../../../engine/attribution/gradient-clusters.ts';
import type { Example } from '../../../engine/engine.ts';

const answer = 'The smallest amount is one nano, a billionth of an OPEN.';
const example = (id: string, question: string, said = answer): Example => ({ id, question, answer: said });
const examples = [
  example('send', 'How little can I send?'),
  example('other', 'Who wrote this?', 'A small team wrote this program last year.'),
  example('divide', 'how far is a coin divided?'),
];
const decoy = [0, 0, 1, 1];

/** Unit vectors of which the third has the given cosine with the first; the last is a decoy's. */
function vectorsWith(cosine: number): readonly (readonly number[])[] {
  return [[1, 0, 0, 0], [0.9, 0.1, 0, 0], [cosine, 0, Math.sqrt(1 - cosine ** 2), 0], decoy];
}

function gramOf(vectors: readonly (readonly number[])[]): GramMatrix {
  const values = vectors.flatMap((a) => vectors.map((b) => a.reduce((sum, v, i) => sum + v * b[i], 0)));
  return { trained: vectors.length - 1, decoys: 1, values: Float64Array.from(values) };
}

describe('one answer to two questions', () => {
  it('is joined from a cosine of 0.2 on, and not below', () => {
    const clusters = clusterDuplicates(examples);
    expect(clusters.representatives).toHaveLength(3);
    const joined = joinByGradient(clusters, gramOf(vectorsWith(0.21)));
    expect(joined.representatives.map(({ id }) => id)).toEqual(['send', 'other']);
    expect([...joined.members]).toEqual([['divide', { of: 'send', rule: 'gradient' }]]);
    expect(joinByGradient(clusters, gramOf(vectorsWith(0.19)))).toEqual(clusters);
  });

  it('takes its copies along to the first', () => {
    const all = [...examples, { ...examples[2], id: 'copy' }];
    const joined = joinByGradient(clusterDuplicates(all), gramOf(vectorsWith(0.9)));
    expect([...joined.members]).toEqual([
      ['copy', { of: 'send', rule: 'exact' }],
      ['divide', { of: 'send', rule: 'gradient' }],
    ]);
  });

  it('is no reason to join what says something else, however equal the gradients', () => {
    const joined = joinByGradient(
      clusterDuplicates(examples.slice(0, 2)),
      gramOf([[1, 0, 0, 0], [1, 0, 0, 0], decoy]),
    );
    expect(joined.members.size).toBe(0);
  });

  it('is decided by inner products of the first members alone', () => {
    const vectors = vectorsWith(0.6);
    const { trained, decoys, values } = keptGram(gramOf(vectors), [0, 2]);
    expect({ trained, decoys }).toEqual({ trained: 2, decoys: 0 });
    expect([...values]).toEqual([1, 0.6, 0.6, 1]);
  });
});
