// Small random Llama models for the serving tests: a config, its weights, and a random LoRA adapter.
import { llamaTensorShapes, projections } from '../../../engine/model/llama-weights.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import type { NamedTensor, TensorMap } from '../../../engine/model/safetensors.ts';
import { gaussianArray, seededRandom } from '../../../engine/train/training-random.ts';

/** Grouped keys (4 heads on 2), head size 16: the fused attention kernel takes it. */
export const tinyConfig: LlamaConfig = {
  dim: 32,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ffn: 48,
  vocab: 96,
  maxSeq: 160,
  ropeTheta: 10000,
  rmsEps: 1e-5,
  tied: true,
  qkvBias: false,
  bosId: 1,
  eosIds: [2],
};

export function randomWeights(config: LlamaConfig, seed = 1): TensorMap {
  const random = seededRandom(seed);
  const weights = new Map<string, NamedTensor>();
  for (const [name, shape] of llamaTensorShapes(config)) {
    const data = gaussianArray(
      shape.reduce((product, size) => product * size, 1),
      0.25,
      random,
    );
    weights.set(name, { shape, data: name.includes('norm') ? data.map((value) => 1 + value) : data });
  }
  return weights;
}

/** Token ids that are no special tokens, the same for the same seed. */
export function randomIds(config: LlamaConfig, count: number, seed = 2): readonly number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => 3 + Math.floor(random() * (config.vocab - 3)));
}

/** PEFT names and values of a random adapter on all seven projections. */
export function randomAdapterTensors(config: LlamaConfig, rank: number, seed = 3): TensorMap {
  const random = seededRandom(seed);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, shape] of llamaTensorShapes(config)) {
    if (!projections.some((projection) => name.endsWith(`${projection}.weight`))) continue;
    const [out, into] = shape;
    const stem = name.replace(/\.weight$/, '');
    tensors.set(`${stem}.lora_A.weight`, {
      shape: [rank, into],
      data: gaussianArray(rank * into, 0.2, random),
    });
    tensors.set(`${stem}.lora_B.weight`, {
      shape: [out, rank],
      data: gaussianArray(out * rank, 0.2, random),
    });
  }
  return tensors;
}
