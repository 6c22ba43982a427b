// A store made ready for queries: curvature factored once, then scores and shares for each answer's gradient.
// Used by attribute.ts and the evaluation. It knows rows and ids; no model, no texts.
import { type DualFisher, dualFisher, type InfluenceScores } from './dual-fisher.ts';
import { rowsTimes } from './feature-rows.ts';
import type { GradientStore } from './gradient-store.ts';
import { noiseFloor, sharesOf } from './shares.ts';

export interface InfluenceIndex {
  readonly fisher: DualFisher;
  /** @param gradient of the answer's mean token loss, [width] */
  scores(gradient: Float32Array): InfluenceScores;
}

export interface ScoredShares {
  readonly floor: number;
  /** In the order of the store's examples. */
  readonly shares: Float64Array;
}

/** @param damping overrides the store's own, for measuring */
export function influenceIndex(store: GradientStore, damping = store.meta.damping): InfluenceIndex {
  const fisher = dualFisher(store.gram, damping);
  const { trained } = store.gram;
  return {
    fisher,
    scores: (gradient) => {
      const products = rowsTimes(store.rows, gradient);
      let self = 0;
      for (const value of gradient) self += value * value;
      return fisher.score({
        trained: products.subarray(0, trained),
        decoys: products.subarray(trained),
        self,
      });
    },
  };
}

/** Shares of one answer: scores above the quantile of the decoys' scores, times alpha. */
export function scoredShares(scores: InfluenceScores, floorQuantile: number, alpha: number): ScoredShares {
  const floor = noiseFloor(scores.decoys, floorQuantile);
  return { floor, shares: sharesOf(scores.trained, floor, alpha) };
}
