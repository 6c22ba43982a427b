// AdamW with decoupled weight decay (arxiv.org/abs/1711.05101), in place on Float32Arrays, and clipping by the
// global norm. Used by pre-training and LoRA fine-tuning. It knows no graph and no schedule: the caller gives
// the learning rate of each step. Decay falls on matrices only, never on norms and biases.
import type { NamedTensor, TensorMap } from '../model/safetensors.ts';

interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  /** Larger values make the update smoother in the gradient, which attribution likes. */
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradients with a larger global norm are scaled down to it; 0 = never. */
  readonly clipNorm: number;
}

export const adamWDefaults: AdamWOptions = {
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  clipNorm: 1,
};

/** First and second moments by weight name, and the number of updates done. */
export interface AdamWState {
  readonly m: TensorMap;
  readonly v: TensorMap;
  step: number;
}

export function createAdamWState(weights: TensorMap): AdamWState {
  const zeros = (): TensorMap =>
    new Map(
      [...weights].map(([name, { shape, data }]): [string, NamedTensor] => [
        name,
        { shape, data: new Float32Array(data.length) },
      ]),
    );
  return { m: zeros(), v: zeros(), step: 0 };
}

export type Gradients = ReadonlyMap<string, Float32Array>;

/** Square root of the sum of squares over all gradients. */
export function globalNorm(gradients: Gradients): number {
  let sum = 0;
  for (const gradient of gradients.values()) {
    for (let i = 0; i < gradient.length; i++) sum += gradient[i] * gradient[i];
  }
  return Math.sqrt(sum);
}

/**
 * One update of every weight that has a gradient, in place.
 *
 * @returns the global gradient norm before clipping.
 */
export function adamWStep(
  weights: TensorMap,
  gradients: Gradients,
  state: AdamWState,
  learningRate: number,
  options: AdamWOptions,
): number {
  const { beta1, beta2, epsilon, weightDecay, clipNorm } = options;
  const norm = globalNorm(gradients);
  const factor = clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1;
  state.step += 1;
  const correct1 = 1 / (1 - beta1 ** state.step);
  const correct2 = 1 / (1 - beta2 ** state.step);
  for (const [name, gradient] of gradients) {
    const weight = weights.get(name);
    const m = state.m.get(name)?.data;
    const v = state.v.get(name)?.data;
    if (!weight || !m || !v) throw new Error(`bug: gradient of ${name}, which is not optimised`);
    const data = weight.data;
    const keep = 1 - (weight.shape.length > 1 ? learningRate * weightDecay : 0);
    for (let i = 0; i < data.length; i++) {
      const g = gradient[i] * factor;
      const mi = beta1 * m[i] + (1 - beta1) * g;
      const vi = beta2 * v[i] + (1 - beta2) * g * g;
      m[i] = mi;
      v[i] = vi;
      data[i] = data[i] * keep - (learningRate * mi * correct1) / (Math.sqrt(vi * correct2) + epsilon);
    }
  }
  return norm;
}
