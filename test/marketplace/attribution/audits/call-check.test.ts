// One checked call: predicted against measured losses of adapters that lack a half, as numbers.
import { describe, expect, it } from 'vitest';
import { checkedCalls, checkOf } from '../../../../marketplace/attribution/audits/call-check.ts';

const check = (nlls: readonly number[], kept = [1, 0.75, 0.25, 0]) =>
  checkOf({
    baseNll: 3,
    adapterNll: 1,
    subsets: nlls.map((nll, at) => ({ kept: kept[at], nll })),
  });

describe('a checked call', () => {
  it('whose losses came out as predicted has rank 1 and error 0', () => {
    const exact = check([1, 1.5, 2.5, 3]);
    expect(exact.subsets.map(({ predictedNll }) => predictedNll)).toEqual([1, 1.5, 2.5, 3]);
    expect(exact).toMatchObject({ rank: 1, error: 0 });
  });

  it('whose losses came out the other way round has rank -1', () => {
    expect(check([3, 2.5, 1.5, 1]).rank).toBeCloseTo(-1, 12);
  });

  it('half a nat off everywhere is off by a quarter of the two nats that the data did', () => {
    expect(check([1.5, 2, 3, 3.5])).toMatchObject({ rank: 1, error: 0.25 });
  });

  it('with equal losses has no rank; one whose data did nothing has no error', () => {
    expect(check([2, 2, 2, 2]).rank).toBeNull();
    expect(checkOf({ baseNll: 1, adapterNll: 1.2, subsets: [{ kept: 0.5, nll: 1.1 }] }).error).toBeNull();
  });

  it('gives equal values their mean rank (Spearman of 1 2 2 4 against 1 2 3 4 is 0.949)', () => {
    expect(check([1, 2, 3, 3.5], [1, 0.5, 0.5, 0]).rank).toBeCloseTo(0.9487, 4);
  });
});

describe('many checked calls', () => {
  it('are told by the mean of those that have the figure', () => {
    const calls = [
      { rank: 1, error: 0.1 },
      { rank: 0.5, error: 0.3 },
      { rank: null, error: null },
    ];
    const { rank, ...rest } = checkedCalls(calls);
    expect(rest).toEqual({ calls: 3, error: 0.2 });
    expect(rank).toMatchObject({ value: 0.75, low: 0.5, high: 1 });
  });

  it('of which there are none have no figures', () => {
    expect(checkedCalls([])).toEqual({ calls: 0, rank: null, error: null });
  });
});
