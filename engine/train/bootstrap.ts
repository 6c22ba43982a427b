// A percentile bootstrap interval of a proportion or mean. Used by the evaluations' tables. Knows numbers only.
// Deterministic: a fixed generator, so that a card's figures can be printed again to the digit.

interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Mean of `values` with its 95 % interval over `rounds` resamples with replacement (Efron 1979).
 * Empty input gives NaN.
 */
export function bootstrapMean(values: readonly number[], rounds = 2000): Interval {
  const next = xorshift(0x9e3779b9);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const means = Array.from({ length: rounds }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[next() % values.length];
    return sum / values.length;
  }).sort((a, b) => a - b);
  return { mean, low: means[Math.floor(rounds * 0.025)], high: means[Math.ceil(rounds * 0.975) - 1] };
}

/** Marsaglia's 32-bit xorshift: enough to pick rows. */
function xorshift(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
