// Bootstrap intervals against cases that can be worked out: the binomial distribution, two values, paired answers.
import { describe, expect, it } from 'vitest';
import { bootstrapMean, resample } from '../../../engine/train/bootstrap.ts';

const right = (correct: number, total: number): readonly number[] =>
  Array.from({ length: total }, (_, i) => Number(i < correct));

/** The least k with P(X <= k) >= p, X binomial. */
function binomialQuantile(n: number, chance: number, p: number): number {
  let term = (1 - chance) ** n;
  let sum = term;
  let k = 0;
  while (sum < p) {
    term *= ((n - k) / (k + 1)) * (chance / (1 - chance));
    k += 1;
    sum += term;
  }
  return k;
}

describe('the bootstrap interval', () => {
  it('of 80 right in 100 is about 0.72 to 0.88, and the same each time', () => {
    const { mean, low, high } = bootstrapMean(right(80, 100));
    expect(mean).toBeCloseTo(0.8, 12);
    expect(Math.abs(low - 0.72)).toBeLessThan(0.02);
    expect(Math.abs(high - 0.88)).toBeLessThan(0.02);
    expect(bootstrapMean(right(80, 100))).toEqual({ mean, low, high });
  });

  it.each([
    [3, 10],
    [30, 100],
    [5, 200],
    [190, 200],
  ])('of %i right in %i has the quantiles of the binomial distribution, to one answer', (correct, total) => {
    const { low, high } = resample(total, { rounds: 20_000 }).mean(right(correct, total));
    const chance = correct / total;
    expect(Math.abs(low * total - binomialQuantile(total, chance, 0.025))).toBeLessThanOrEqual(1);
    expect(Math.abs(high * total - binomialQuantile(total, chance, 0.975))).toBeLessThanOrEqual(1);
  });

  it('of the two values 0 and 1 is 0 to 1: each end comes in a quarter of the resamples', () => {
    expect(bootstrapMean([0, 1])).toEqual({ mean: 0.5, low: 0, high: 1 });
  });

  it('has no width where all values are equal, and no value where there are none', () => {
    expect(bootstrapMean([1, 1, 1])).toEqual({ mean: 1, low: 1, high: 1 });
    expect(bootstrapMean([]).mean).toBeNaN();
  });

  it('keeps its promise: of 400 samples of 60 answers, 91 to 98 % of the intervals hold the true 0.4', () => {
    let state = 12345;
    const random = (): number => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    let held = 0;
    for (let trial = 0; trial < 400; trial++) {
      const { low, high } = bootstrapMean(
        Array.from({ length: 60 }, () => Number(random() < 0.4)),
        1000,
      );
      if (low <= 0.4 && high >= 0.4) held += 1;
    }
    expect(held / 400).toBeGreaterThan(0.91);
    expect(held / 400).toBeLessThan(0.98);
  });
});

describe('the paired difference', () => {
  it('of a model and itself is 0, without width', () => {
    const values = right(37, 100);
    expect(resample(100).difference(values, values)).toEqual({ mean: 0, low: 0, high: 0 });
  });

  it('of 10 gained and 0 lost answers in 100 is that of 10 in 100 alone, however hard the rest is', () => {
    const draws = resample(100);
    const gained = right(10, 100);
    const rest = Array.from({ length: 100 }, (_, i) => Number(i >= 50));
    const both = rest.map((value, i) => value + gained[i]);
    const { mean, low, high } = draws.difference(both, rest);
    const alone = draws.mean(gained);
    expect(mean).toBeCloseTo(alone.mean, 12);
    expect(low).toBeCloseTo(alone.low, 12);
    expect(high).toBeCloseTo(alone.high, 12);
    expect(low).toBeGreaterThan(0); // two intervals side by side would overlap: 0.5 ± 0.1 and 0.6 ± 0.1
    expect(draws.mean(rest).high).toBeGreaterThan(draws.mean(both).low);
  });

  it('turns its sign with its sides, and refuses other lengths', () => {
    const draws = resample(20);
    const [a, b] = [right(12, 20), right(7, 20)];
    const [forth, back] = [draws.difference(a, b), draws.difference(b, a)];
    expect(forth.mean).toBeCloseTo(-back.mean, 12);
    expect(() => draws.difference(a, right(1, 2))).toThrow(RangeError);
    expect(() => draws.mean(right(1, 2))).toThrow(RangeError);
  });
});
