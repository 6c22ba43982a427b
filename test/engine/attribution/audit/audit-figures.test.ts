// The audit's figures on numbers worked out by hand: ranks with ties, scores that foretell, scores that do not, sources.
import { describe, expect, it } from 'vitest';
import { agreementInterval } from '../../../../engine/attribution/audit/agreement-interval.ts';
import {
  auditFigure,
  auditFigures,
  ldsByQuery,
  ldsFigure,
  locoByQuery,
  locoFigure,
  sourceRanks,
} from '../../../../engine/attribution/audit/audit-figures.ts';
import {
  randomSubsets,
  weightsWithout,
  withoutEachGroup,
} from '../../../../engine/attribution/audit/leave-out-subsets.ts';
import {
  correlation,
  rankCorrelation,
  ranksOf,
} from '../../../../engine/attribution/audit/rank-correlation.ts';
import { seededRandom } from '../../../../engine/train/training-random.ts';

describe('rank correlation', () => {
  it('shares mean ranks among equals: 3, 1, 3, 5 have the ranks 2.5, 1, 2.5, 4', () => {
    expect([...ranksOf([3, 1, 3, 5])]).toEqual([2.5, 1, 2.5, 4]);
  });

  it('is 1 for any rising relation, -1 for a falling one, 0.8 where two neighbours of four are exchanged', () => {
    expect(rankCorrelation([1, 2, 3, 4], [1, 10, 100, 1e6])).toBeCloseTo(1, 12);
    expect(rankCorrelation([1, 2, 3, 4], [0, -1, -5, -6])).toBeCloseTo(-1, 12);
    expect(rankCorrelation([1, 2, 3, 4], [1, 3, 2, 4])).toBeCloseTo(0.8, 12); // 1 - 6 * 2 / (4 * 15)
  });

  it('is nothing where one list does not vary, and Pearson sees sizes: 0.5 of (0,1,2) and (0,2,1)', () => {
    expect(correlation([1, 1, 1], [1, 2, 3])).toBeNull();
    expect(correlation([0, 1, 2], [0, 2, 1])).toBeCloseTo(0.5, 12);
    expect(() => correlation([1], [1, 2])).toThrow(RangeError);
  });
});

describe('the figures of an audit', () => {
  const runs = [
    { leftOut: [0], losses: [3, 1] },
    { leftOut: [1], losses: [2, 2] },
    { leftOut: [2], losses: [1, 3] },
  ];

  it('give 1 to scores that foretold the losses, -1 to the contrary, 0 to scores that say nothing of what did change', () => {
    expect(ldsByQuery([[9, 5, 1], [9, 5, 1]], runs)).toEqual([1, -1]); // biome-ignore format: one row a query
    expect(ldsByQuery([[0, 0, 0]], runs)).toEqual([0]);
    // silent about the second question: half of 1, and not 1 because it spoke of one alone
    const losses = runs.map(({ leftOut, losses: [one] }) => ({ leftOut, losses: [one, one] }));
    expect(ldsFigure([[9, 5, 1], [0, 0, 0]], losses)!.value).toBe(0.5); // biome-ignore format: one row a query
  });

  it('say nothing of an answer whose loss never changed', () => {
    const same = runs.map(({ leftOut }) => ({ leftOut, losses: [2] }));
    expect(ldsByQuery([[9, 5, 1]], same)).toEqual([null]);
    expect(ldsFigure([[9, 5, 1]], same)).toBeNull();
    expect(locoFigure([[9, 5, 1]], [1], same)).toBeNull();
  });

  it('sum the scores of all that is left out: 1 + 2 raises the loss more than 2, and less than 4', () => {
    const pairs = [
      { leftOut: [0, 1], losses: [2] },
      { leftOut: [1], losses: [1] },
      { leftOut: [2], losses: [3] },
    ];
    expect(ldsByQuery([[1, 2, 4]], pairs)).toEqual([1]);
  });

  it('compare single groups with the change against the full training, by size', () => {
    const [value] = locoByQuery([[2, 1, 0]], [1], runs);
    expect(value).toBeCloseTo(1, 12);
  });

  it('rank sources: a tie with another is lost, a score of 0 is no name, two of two found are a recall of 1', () => {
    expect(sourceRanks([0.9, 0.5, 0.1], [0])).toEqual({ top1: 1, reciprocal: 1, recallAtGold: 1 });
    expect(sourceRanks([0.9, 0.9, 0.1], [0])).toMatchObject({ top1: 0, reciprocal: 0.5 });
    expect(sourceRanks([0, 0, 0], [0])).toEqual({ top1: 0, reciprocal: 0, recallAtGold: 0 });
    expect(sourceRanks([0.9, 0.8, 0.1], [0, 1])).toEqual({ top1: 1, reciprocal: 1, recallAtGold: 1 });
    expect(sourceRanks([0.9, 0.1, 0.8], [0, 1])).toEqual({ top1: 1, reciprocal: 1, recallAtGold: 0.5 });
  });

  it('name by what is paid and find by scores: of two copies one is paid, both are found', () => {
    const figures = auditFigures({
      ...{ scores: [[0.5, 0.5, 0.1]], named: [[1, 1, 0.1]], shares: [[0.7, 0, 0.2]] },
      ...{ halves: runs, alone: [], fullLosses: [1], gold: [[0, 1]] },
    });
    expect(figures.top1!.value).toBe(1);
    expect(figures.recallAtGold!.value).toBe(1);
    expect(figures.locoPearson).toBeNull();
  });

  it('are means over the queries that have one, inside their interval; none = nothing measured', () => {
    const figure = auditFigure([0.2, null, 0.4, 0.9]);
    expect(figure!.value).toBeCloseTo(0.5, 12);
    expect(figure!.low).toBeLessThan(0.5);
    expect(figure!.high).toBeGreaterThan(0.5);
    expect(auditFigure([null])).toBeNull();
  });
});

describe('the interval of an agreement', () => {
  const random = seededRandom(3);
  /** Predictions that are right but for noise as large as themselves. */
  const compared = (queries: number, runs: number) =>
    Array.from({ length: queries }, () => {
      const predicted = Array.from({ length: runs }, () => Math.floor(6 * random())); // with ties
      return { predicted, measured: predicted.map((value) => value + 6 * random()) };
    });

  it.each([true, false])('is that of ranking and correlating each resample anew (ranks: %s)', (ranks) => {
    const cases = compared(4, 9);
    const correlate = ranks ? rankCorrelation : correlation;
    const draw = seededRandom(0x5eed, 9, 4);
    const means = Array.from({ length: 200 }, () => {
      const runs = Array.from({ length: 9 }, () => Math.floor(draw() * 9));
      const values = cases.map(({ predicted, measured }) =>
        correlate(
          runs.map((at) => predicted[at]),
          runs.map((at) => measured[at]),
        ),
      );
      const drawn = Array.from({ length: 4 }, () => values[Math.floor(draw() * 4)] ?? 0);
      return drawn.reduce((sum, value) => sum + value, 0) / 4;
    }).sort((a, b) => a - b);
    const { low, high } = agreementInterval(cases, { ranks, rounds: 200 })!;
    expect(low).toBeCloseTo(means[5], 12);
    expect(high).toBeCloseTo(means[194], 12);
  });

  it('is the wider the fewer retrainings there were, however many questions were asked: 6 against 60', () => {
    const width = (runs: number): number => {
      const one = compared(1, runs)[0];
      // a hundred questions whose answers changed alike: one question's worth of evidence
      const { low, high } = agreementInterval(Array(100).fill(one), { ranks: true })!;
      return high - low;
    };
    expect(width(60)).toBeGreaterThan(0.15);
    expect(width(6)).toBeGreaterThan(2 * width(60));
  });
});

describe('subsets of an audit', () => {
  const groups = ['a', 'b', 'a', 'c', 'd', 'b'];

  it('leave out halves of groups whole, the same again for the same seed, others for another', () => {
    const options = { name: 'half', count: 20, seed: 3, kept: 0.5, groups };
    const subsets = randomSubsets(6, options);
    expect(randomSubsets(6, options)).toEqual(subsets);
    expect(randomSubsets(6, { ...options, seed: 4 })).not.toEqual(subsets);
    for (const { leftOut } of subsets) {
      const gone = new Set(leftOut.map((at) => groups[at]));
      expect(gone.size).toBe(2);
      expect(groups.flatMap((group, at) => (gone.has(group) ? [at] : []))).toEqual(leftOut);
    }
  });

  it('leave out 2 of 40 at 95 %, and each group once', () => {
    for (const { leftOut } of randomSubsets(40, { name: 'drop', count: 5, seed: 1, kept: 0.95 }))
      expect(leftOut).toHaveLength(2);
    expect(withoutEachGroup(groups).map(({ id, leftOut }) => [id, leftOut])).toEqual([
      ['without-a', [0, 2]],
      ['without-b', [1, 5]],
      ['without-c', [3]],
      ['without-d', [4]],
    ]);
    expect([...weightsWithout(4, [1, 3])]).toEqual([1, 0, 1, 0]);
  });
});
