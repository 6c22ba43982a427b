// Properties of shares: never negative, never more than the adapter's part, blind to copies and to order.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clusterDuplicates } from '../../../engine/attribution/duplicate-clusters.ts';
import { adapterPart, noiseFloor, sharesOf } from '../../../engine/attribution/shares.ts';

const score = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const scores = fc.array(score, { maxLength: 40 }).map((values) => Float64Array.from(values));
const part = fc.double({ min: 0, max: 1, noNaN: true });
const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

describe('shares', () => {
  it('are never negative and sum to alpha, or to 0 when nothing rises above the floor', () => {
    fc.assert(
      fc.property(scores, scores, part, part, (trained, decoys, quantile, alpha) => {
        const floor = noiseFloor(decoys, quantile);
        const shares = sharesOf(trained, floor, alpha);
        expect(shares.every((share) => share >= 0)).toBe(true);
        const paid = trained.some((value) => value > floor);
        expect(Math.abs(sum(shares) - (paid ? alpha : 0))).toBeLessThan(1e-9);
        expect(sum(shares)).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  it('follow their examples when the order changes', () => {
    fc.assert(
      fc.property(scores, score, part, (trained, floor, alpha) => {
        const there = sharesOf(trained, Math.max(0, floor), alpha);
        const back = sharesOf(trained.toReversed(), Math.max(0, floor), alpha).reverse();
        there.forEach((share, i) => {
          expect(back[i]).toBeCloseTo(share, 9);
        });
      }),
    );
  });

  it('sum to alpha also where a score is the smallest number above 0', () => {
    expect(sum(sharesOf(Float64Array.of(5e-324), 0, 0.3))).toBe(0.3);
  });

  it('pay 3/4 and 1/4 of alpha 0.8 for scores 4 and 2 over a floor of 1', () => {
    expect([...sharesOf(Float64Array.of(4, 2, 1, -9), 1, 0.8)]).toEqual([
      expect.closeTo(0.6, 12),
      expect.closeTo(0.2, 12),
      0,
      0,
    ]);
  });

  it('interpolate the floor between decoys and never set it below 0', () => {
    expect(noiseFloor(Float64Array.of(0, 10, 20, 30, 40), 0.95)).toBeCloseTo(38, 12);
    expect(noiseFloor(Float64Array.of(-5, -1), 1)).toBe(0);
    expect(noiseFloor(new Float64Array(0), 0.95)).toBe(0);
  });

  it('give the adapter 0.75 of an answer whose loss it takes from 4 to 1 nat, and nothing where it harms', () => {
    expect(adapterPart(4, 1)).toBe(0.75);
    expect(adapterPart(1, 4)).toBe(0);
    expect(adapterPart(0, 0)).toBe(0);
  });
});

describe('duplicate clusters', () => {
  const example = (id: string, question: string, answer: string) => ({ id, question, answer });

  it('let the first stand for copies that differ in case, spacing and width only', () => {
    const { representatives, members } = clusterDuplicates([
      example('a', 'What is 2+2?', 'Four.'),
      example('b', 'What  is ２+2? ', 'FOUR.'),
      example('c', 'What is 2-2?', 'Four.'),
    ]);
    expect(representatives.map(({ id }) => id)).toEqual(['a', 'c']);
    expect([...members]).toEqual([['b', { of: 'a', rule: 'exact' }]]);
  });

  it('do not change with the number of copies', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string())), fc.nat(4), (texts, k) => {
        const once = texts.map(([question, answer], i) => example(`${i}`, question, answer));
        const copied = Array.from({ length: k }, (_, copy) =>
          once.map((item) => ({ ...item, id: `${copy} ${item.id}` })),
        );
        expect(clusterDuplicates([...once, ...copied.flat()]).representatives).toEqual(
          clusterDuplicates(once).representatives,
        );
      }),
    );
  });
});
