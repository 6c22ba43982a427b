// What gradients add to clusters: one answer to two questions is one fact if it is learned by nearly the same step.
// Covered: both sides of the threshold, unlike texts with equal gradients, rows and products that stay, order.
import { describe, expect, it } from 'vitest';
import type { GramMatrix } from '../../../engine/attribution/dual-fisher.ts';
import { clusterDuplicates } from '../../../engine/attribution/duplicate-clusters.ts';
import { gramCosine, joinByCosine } from '../../../engine/attribution/gradient-clusters.ts';
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

const cosineOf = (vectors: readonly (readonly number[])[]) => gramCosine(gramOf(vectors));

describe('one answer to two questions', () => {
  it('is joined from a cosine of 0.2 on, and not below', () => {
    const clusters = clusterDuplicates(examples);
    expect(clusters.representatives).toHaveLength(3);
    const joined = joinByCosine(clusters, cosineOf(vectorsWith(0.21)));
    expect(joined.representatives.map(({ id }) => id)).toEqual(['send', 'other']);
    expect([...joined.members]).toEqual([['divide', { of: 'send', rule: 'gradient' }]]);
    expect(joinByCosine(clusters, cosineOf(vectorsWith(0.19)))).toEqual(clusters);
  });

  it('takes its copies along to the first', () => {
    const all = [...examples, { ...examples[2], id: 'copy' }];
    const joined = joinByCosine(clusterDuplicates(all), cosineOf(vectorsWith(0.9)));
    expect([...joined.members]).toEqual([
      ['copy', { of: 'send', rule: 'exact' }],
      ['divide', { of: 'send', rule: 'gradient' }],
    ]);
  });

  it('is no reason to join what says something else, however equal the gradients', () => {
    const joined = joinByCosine(
      clusterDuplicates(examples.slice(0, 2)),
      cosineOf([[1, 0, 0, 0], [1, 0, 0, 0], decoy]),
    );
    expect(joined.members.size).toBe(0);
  });

  it('is decided by cosines, whatever the lengths, and 0 for a gradient without any', () => {
    const cosine = cosineOf([[3, 0, 0, 0], [0, 0, 0, 0], [6, 8, 0, 0], decoy]);
    expect([cosine(0, 2), cosine(2, 0), cosine(0, 1), cosine(1, 1)]).toEqual([0.6, 0.6, 0, 0]);
  });
});
