// A store's rows against an answer's gradient: one inner product a row. Used by attribute.ts and the evaluation. It knows
// rows of numbers; no model, no texts. What the rows hold and why is in influence-rows.ts.
import { type FeatureRows, rowsTimes } from './feature-rows.ts';
import { inverseRoot } from './unit-gram.ts';

export interface InfluenceScores {
  /** [trained], in the order of the store's examples, each in [-1, 1]; positive = made the answer likelier. */
  readonly trained: Float64Array;
  /** [decoys] */
  readonly decoys: Float64Array;
}

/**
 * @param rows trained examples, then decoys
 * @param gradient of the answer's mean token loss, [width]; its length does not matter
 */
export function influenceScores(rows: FeatureRows, trained: number, gradient: Float32Array): InfluenceScores {
  let squared = 0;
  for (const value of gradient) squared += value * value;
  const inverseLength = inverseRoot(squared);
  const scores = rowsTimes(rows, gradient).map((value) => Math.max(-1, Math.min(1, value * inverseLength))); // rounding may lead past the end
  return { trained: scores.slice(0, trained), decoys: scores.slice(trained) };
}
