// The optimiser of pre-training: AdamW for all weights, or Muon for the matrices inside the layers and AdamW for the
// rest (embeddings, norms). Used by pretrain.ts. Clipping by the global norm comes first, over all weights.
import type { TensorMap } from '../model/safetensors.ts';
import {
  type AdamWState,
  adamWDefaults,
  adamWStep,
  createAdamWState,
  type Gradients,
  globalNorm,
} from './adamw.ts';
import { createMuon } from './muon.ts';
import type { PretrainConfig } from './pretrain-config.ts';

export interface Optimiser {
  /** Moments and the number of updates; what a checkpoint stores. Muon keeps its momentum in `m`, nothing in `v`. */
  readonly state: AdamWState;
  /** One update in place; the gradients may be changed. @returns their global norm before clipping. */
  readonly update: (gradients: Gradients, learningRate: number) => Promise<number>;
  readonly release: () => Promise<void>;
}

type Options = Pick<PretrainConfig, 'optimiser' | 'beta2' | 'weightDecay' | 'clipNorm' | 'threads'>;

export async function createOptimiser(weights: TensorMap, options: Options): Promise<Optimiser> {
  const { beta2, weightDecay, clipNorm, threads } = options;
  const adamW = { ...adamWDefaults, beta2, weightDecay };
  const all = createAdamWState(weights);
  if (options.optimiser === 'adamw') {
    return {
      state: all,
      update: async (gradients, learningRate) =>
        adamWStep(weights, gradients, all, learningRate, { ...adamW, clipNorm }),
      release: async () => {},
    };
  }
  const inner = new Set([...weights.keys()].filter((name) => name.endsWith('_proj.weight')));
  const muon = await createMuon(weights, [...inner], { momentum: 0.95, weightDecay, threads });
  const outer = <T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...map].filter(([name]) => !inner.has(name)));
  const state: AdamWState = { ...all, v: outer(all.v) };
  return {
    state,
    update: async (gradients, learningRate) => {
      const norm = globalNorm(gradients);
      const factor = clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1;
      await muon.update(gradients, state.m, learningRate, factor);
      const rest = outer(gradients);
      if (factor !== 1) for (const data of rest.values()) scaleInPlace(data, factor);
      adamWStep(weights, rest, state, learningRate, { ...adamW, clipNorm: 0 });
      return norm;
    },
    release: muon.release,
  };
}

function scaleInPlace(data: Float32Array, factor: number): void {
  for (let i = 0; i < data.length; i++) data[i] *= factor;
}
