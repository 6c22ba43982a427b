// What gradients add to clusters: one answer to two questions is one fact if it is learned by nearly the same step.
// Covered: both sides of the threshold, unlike texts with equal gradients, rows and products that stay, order.
import { describe, expect, it } from 'vitest';
import type { GramMatrix } from '../../../engine/attribution/dual-fisher.ts';
import { clusterDuplicates } from '../../../engine/attribution/duplicate-clusters.ts';
import { emptyRows, quantiseRow } from '../../../engine/attribution/feature-rows.ts';
import { joinByGradient, keptGram, keptRows } from '../../../engine/attribution/gradient-clusters.ts';
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
    expect(joined.clusters.representatives.map(({ id }) => id)).toEqual(['send', 'other']);
    expect([...joined.clusters.members]).toEqual([['divide', { of: 'send', rule: 'gradient' }]]);
    expect(joined.kept).toEqual([0, 1, 3]);
    expect(joinByGradient(clusters, gramOf(vectorsWith(0.19))).kept).toEqual([0, 1, 2, 3]);
  });

  it('takes its copies along to the first', () => {
    const all = [...examples, { ...examples[2], id: 'copy' }];
    const { clusters } = joinByGradient(clusterDuplicates(all), gramOf(vectorsWith(0.9)));
    expect([...clusters.members]).toEqual([
      ['copy', { of: 'send', rule: 'exact' }],
      ['divide', { of: 'send', rule: 'gradient' }],
    ]);
  });

  it('is no reason to join what says something else, however equal the gradients', () => {
    const { clusters } = joinByGradient(
      clusterDuplicates(examples.slice(0, 2)),
      gramOf([[1, 0, 0, 0], [1, 0, 0, 0], decoy]),
    );
    expect(clusters.members.size).toBe(0);
  });

  it('leaves rows and inner products of what stays as they were', () => {
    const vectors = vectorsWith(0.5);
    const rows = emptyRows(4, 4);
    for (const [index, vector] of vectors.entries()) quantiseRow(rows, index, Float32Array.from(vector));
    const kept = keptRows(rows, [0, 1, 3]);
    expect([...kept.values.subarray(8, 12)]).toEqual([...rows.values.subarray(12, 16)]);
    expect([...kept.scales]).toEqual([rows.scales[0], rows.scales[1], rows.scales[3]]);
    const expected = gramOf([vectors[0], vectors[1], vectors[3]]);
    expect(keptGram(gramOf(vectors), [0, 1, 3])).toEqual(expected);
  });
});
