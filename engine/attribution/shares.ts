// From influence scores to shares of an answer: what rises above the noise floor, in proportion.
// Used by attribute.ts. Knows numbers only: no gradients, no names, no money.
// Invariants: shares are >= 0 and sum to alpha, or to 0 when nothing rises above the floor; alpha is in [0, 1];
// the order of the inputs does not matter.

/**
 * The noise floor of one query: the given quantile of the scores of decoys, texts of the same kind that were never
 * trained. Never below zero: what made the answer less likely is never paid.
 * @param quantile in [0, 1]; linear interpolation between neighbours
 */
export function noiseFloor(decoyScores: Float64Array, quantile: number): number {
  if (decoyScores.length === 0) return 0;
  const sorted = Float64Array.from(decoyScores).sort();
  const at = quantile * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return Math.max(0, sorted[low] + (at - low) * (sorted[high] - sorted[low]));
}

/**
 * share_i = alpha · x_i / Σx with x_i = max(0, score_i − floor).
 * @param alpha the part of the answer that the adapter explains, see {@link adapterPart}
 */
export function sharesOf(scores: Float64Array, floor: number, alpha: number): Float64Array {
  const above = scores.map((score) => Math.max(0, score - floor));
  let total = 0;
  for (const value of above) total += value;
  if (!(total > 0)) return new Float64Array(scores.length);
  return above.map((value) => alpha * (value / total)); // the quotient first: a tiny score times alpha would underflow
}

/**
 * α = clip((L_base − L_adapter) / L_base, 0, 1): how much of the answer's surprise the adapter takes away.
 * @param baseNll mean nats per answer token without the adapter, @param adapterNll with it
 */
export function adapterPart(baseNll: number, adapterNll: number): number {
  if (!(baseNll > 0)) return 0;
  return Math.min(1, Math.max(0, (baseNll - adapterNll) / baseNll));
}
