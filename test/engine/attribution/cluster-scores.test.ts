// What a cluster of wordings scores: as its best wording, in the row of its first member.
import { describe, expect, it } from 'vitest';
import { clusterScores, rowsPassedOver } from '../../../engine/attribution/cluster-scores.ts';

const example = (id: string) => ({ id, sha256: '' });
const wording = (id: string, of: string) => ({ id, of, rule: 'words' as const });

describe('scores of clusters', () => {
  it('are those of their best wording, whole to the first; the others are below any floor', () => {
    const clusters = {
      examples: ['a', 'b', 'a2', 'a3'].map(example),
      copies: [wording('a2', 'a'), wording('a3', 'a'), { ...wording('copy', 'b'), rule: 'exact' as const }],
    };
    expect([...clusterScores(clusters, Float64Array.of(0.1, 0.5, 0.7, 0.2))]).toEqual([0.7, 0.5, -1, -1]);
    expect([...clusterScores(clusters, Float64Array.of(0.9, 0.5, 0.7, 0.2))]).toEqual([0.9, 0.5, -1, -1]);
  });

  it('do not rise with a fifth wording or any later one', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    const clusters = { examples: ids.map(example), copies: ids.slice(1).map((id) => wording(id, 'a')) };
    const scores = Float64Array.of(0.1, 0.2, 0.3, 0.4, 0.9, 1);
    expect([...clusterScores(clusters, scores)]).toEqual([0.4, -1, -1, -1, -1, -1]);
    expect([...rowsPassedOver(clusters)]).toEqual([4, 5]);
  });
});
