// The two baselines on cases small enough to work out by hand.
import { describe, expect, it } from 'vitest';
import { randomRanking } from '../../../engine/attribution/random-baseline.ts';
import { tfidfIndex } from '../../../engine/attribution/tfidf-baseline.ts';

describe('TF-IDF', () => {
  it('gives the cosine worked out by hand', () => {
    const index = tfidfIndex(['red cat', 'red dog']);
    // idf(red) = ln(3/3) + 1 = 1; idf(cat) = idf(dog) = ln(3/2) + 1.
    const rare = Math.log(1.5) + 1;
    const [cat, dog] = index.score('Cat!');
    expect(cat).toBeCloseTo(rare / Math.hypot(1, rare), 12);
    expect(dog).toBe(0);
    const both = index.score('red cat');
    expect(both[0]).toBeCloseTo(1, 12);
    expect(both[1]).toBeCloseTo(1 / Math.hypot(1, rare) ** 2, 12);
  });

  it('gives 0 for words it has never seen and for nothing at all', () => {
    const index = tfidfIndex(['red cat', '']);
    expect([...index.score('…')]).toEqual([0, 0]);
    expect([...index.score('blue')]).toEqual([0, 0]);
  });
});

describe('random order', () => {
  it('puts the one right item of four first in 1/4 and in the top three in 3/4 of all orders', () => {
    const { top1, top3, mrr } = randomRanking(4, 1);
    expect(top1).toBeCloseTo(1 / 4, 12);
    expect(top3).toBeCloseTo(3 / 4, 12);
    expect(mrr).toBeCloseTo((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4, 12);
  });

  it('finds one of two right items of three first in 2/3 of all orders', () => {
    const { top1, top3, mrr } = randomRanking(3, 2);
    expect(top1).toBeCloseTo(2 / 3, 12);
    expect(top3).toBeCloseTo(1, 12);
    expect(mrr).toBeCloseTo(2 / 3 + 1 / 3 / 2, 12);
  });
});
