// Who of a cluster of near duplicates is paid, before and after the first is taken back.
import { describe, expect, it } from 'vitest';
import { paidOfClusters } from '../../../marketplace/attribution/pay-cluster.ts';

type Row = Parameters<typeof paidOfClusters>[1][number];
const row = (id: string, personId: string, state: Row['state'] = 'accepted'): Row => ({
  id,
  personId,
  state,
});
const cluster = { exampleId: 'first', share: 0.6, score: 0.9, copyIds: ['own copy', 'copy', 'late copy'] };
const others = [row('own copy', 'ann'), row('copy', 'ben'), row('late copy', 'cas'), row('else', 'dan')];
const ids = (rows: readonly Row[]) => paidOfClusters([cluster], rows).map(({ exampleId }) => exampleId);

describe('a cluster of near duplicates', () => {
  it('pays the first accepted, whole, and its copies nothing', () => {
    expect(paidOfClusters([cluster], [row('first', 'ann'), ...others])).toEqual([
      { exampleId: 'first', share: 0.6, score: 0.9 },
    ]);
  });

  it('pays the next accepted of somebody else once the first is taken back', () => {
    expect(ids([row('first', 'ann', 'retracted'), ...others])).toEqual(['copy']);
    const fewer = others.map((other) => (other.id === 'copy' ? row('copy', 'ben', 'retracted') : other));
    expect(ids([row('first', 'ann', 'retracted'), ...fewer])).toEqual(['late copy']);
  });

  it('leaves the share to the fallback where only copies of the same person are left', () => {
    expect(ids([row('first', 'ann', 'retracted'), row('own copy', 'ann')])).toEqual(['first']);
  });

  it('adds a passed share to what the heir measures itself, and loses nothing', () => {
    const shares = [cluster, { exampleId: 'copy', share: 0.25, score: 0.4 }];
    const paid = paidOfClusters(shares, [row('first', 'ann', 'retracted'), ...others]);
    expect(paid).toEqual([{ exampleId: 'copy', share: 0.85, score: 0.9 }]);
  });
});
