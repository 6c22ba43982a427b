// A store made ready for queries: curvature factored once, then a score for every stored row and each answer's gradient.
// Used by attribute.ts and the evaluation. It knows rows and ids; no model, no texts.
//
// Score = cosine in the metric of H⁻¹ between unit gradients: with ĝ = g/|g|, H = (1/n) Σ ĝ_i ĝ_iᵀ + λI,
//     score(v, q) = v̂ᵀ H⁻¹ q̂ / sqrt(v̂ᵀ H⁻¹ v̂ · q̂ᵀ H⁻¹ q̂), in [−1, 1]  (the cosine of TrackStar, arxiv.org/abs/2410.17413).
// Why not the plain product: what the model learned well has a small gradient and what it never saw a large one (medians
// 1.1 and 11.6 measured), so decoys would drown the very examples that were learned. A cosine compares them fairly, and
// no contribution gains by making its gradient large.
import { dualFisher } from './dual-fisher.ts';
import { rowsTimes } from './feature-rows.ts';
import type { GradientStore } from './gradient-store.ts';

export interface InfluenceScores {
  /** [trained], in the order of the store's examples, each in [-1, 1]. */
  readonly trained: Float64Array;
  /** [decoys] */
  readonly decoys: Float64Array;
}

export interface InfluenceIndex {
  /** @param gradient of the answer's mean token loss, [width] */
  scores(gradient: Float32Array): InfluenceScores;
}

/** @param damping overrides the store's own, for measuring */
export function influenceIndex(
  store: Pick<GradientStore, 'rows' | 'gram' | 'meta'>,
  damping = store.meta.damping,
): InfluenceIndex {
  const { trained, decoys, values } = store.gram;
  const size = trained + decoys;
  const inverseNorm = Float64Array.from({ length: size }, (_, i) => inverseRoot(values[i * size + i]));
  const unit = values.map((value, at) => value * inverseNorm[Math.floor(at / size)] * inverseNorm[at % size]);
  const fisher = dualFisher({ trained, decoys, values: unit }, damping);
  return {
    scores: (gradient) => {
      let squared = 0;
      for (const value of gradient) squared += value * value;
      const inverseLength = inverseRoot(squared);
      const products = rowsTimes(store.rows, gradient).map(
        (value, i) => value * inverseNorm[i] * inverseLength,
      );
      const raw = fisher.score({
        trained: products.subarray(0, trained),
        decoys: products.subarray(trained),
        self: squared * inverseLength ** 2,
      });
      const scale = inverseRoot(raw.self);
      const cosine = (leverage: Float64Array) => (value: number, i: number) => {
        const score = value * inverseRoot(leverage[i]) * scale;
        return Math.max(-1, Math.min(1, score)); // rounding may lead past the end
      };
      return {
        trained: raw.trained.map(cosine(fisher.trainedLeverage)),
        decoys: raw.decoys.map(cosine(fisher.decoyLeverage)),
      };
    },
  };
}

/** 1/sqrt(value), and 0 for nothing: an all-zero gradient scores 0 with everything. */
function inverseRoot(value: number): number {
  return value > 0 ? 1 / Math.sqrt(value) : 0;
}
