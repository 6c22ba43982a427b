// Percentile bootstrap intervals of means, and of differences of means over the same questions (paired). Used by the
// evaluations' tables and by the rule that publishes versions. Knows numbers only.
// Deterministic: a fixed generator, so that a card's figures can be printed again to the digit.
// Limits: a percentile interval is a little narrow for few values, and has no width where all values are equal; both
// are shown as they are. Not corrected for asking several questions of the same data.

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Several measures of the same questions, resampled together. */
export interface Resampled {
  /** 95 % interval of the mean of `values`. */
  mean(values: readonly number[]): Interval;
  /** Of mean(a) - mean(b), in the same resamples: what both find hard or easy cancels out. */
  difference(a: readonly number[], b: readonly number[]): Interval;
}

interface BootstrapOptions {
  /** Resamples; 2,000 where left out. */
  readonly rounds?: number;
  readonly seed?: number;
}

export const bootstrapRounds = 2000;

/**
 * Resamples `count` questions (with replacement, Efron 1979), the same for any number of measures of them.
 * @throws RangeError for values of another length, in `mean` and `difference`
 */
export function resample(
  count: number,
  { rounds = bootstrapRounds, seed = 0x9e3779b9 }: BootstrapOptions = {},
): Resampled {
  const mean = (values: readonly number[]): Interval => {
    if (values.length !== count) throw new RangeError(`${values.length} values of ${count} questions`);
    const means = new Float64Array(rounds);
    const next = xorshift(seed); // the same draws each time, in place of a table of them
    for (let round = 0; round < rounds; round++) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += values[next() % count];
      means[round] = sum / count;
    }
    means.sort();
    return {
      mean: values.reduce((sum, value) => sum + value, 0) / count,
      low: means[Math.floor(rounds * 0.025)],
      high: means[Math.ceil(rounds * 0.975) - 1],
    };
  };
  return {
    mean,
    // The mean of differences is the difference of means, in every resample.
    difference: (a, b) => {
      if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`);
      return mean(a.map((value, i) => value - b[i]));
    },
  };
}

/** Mean of `values` with its 95 % interval. Empty input gives NaN. */
export function bootstrapMean(values: readonly number[], rounds = bootstrapRounds): Interval {
  if (values.length === 0) return { mean: Number.NaN, low: Number.NaN, high: Number.NaN };
  return resample(values.length, { rounds }).mean(values);
}

/** Marsaglia's 32-bit xorshift: enough to pick rows. */
function xorshift(seed: number): () => number {
  let state = seed >>> 0 || 1; // 0 would stay 0
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
