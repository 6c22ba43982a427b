// The model, batches and losses that the training bench measures: random weights of the 7M shape. Used by its measures.
// It measures nothing. Invariant: A and B are both random, so that no gradient is zero.
import { loraTensorShapes } from '../../engine/graph/llama-train-graph.ts';
import { projections } from '../../engine/model/llama-weights.ts';
import type { LlamaConfig } from '../../engine/model/model-config.ts';
import type { NamedTensor, TensorMap } from '../../engine/model/safetensors.ts';
import { gaussianArray, seededRandom } from '../../engine/train/training-random.ts';
import type { TokenBatch } from '../../engine/train/training-session.ts';
import { benchIds, shape15 } from './bench-model.ts';

/** 7.16 million parameters: the shape of facts and goals. */
export const shape7: LlamaConfig = { ...shape15, vocab: 4096 };

/** Rank 8 on every linear layer, as the goals were set. */
export const benchLora = { rank: 8, targets: projections } as const;
export const benchLoraScale = 2;

export function benchLoraWeights(config: LlamaConfig): TensorMap {
  const random = seededRandom(5);
  return new Map(
    [...loraTensorShapes(config, benchLora)].map(([name, shape]): [string, NamedTensor] => {
      const deviation = name.endsWith('lora_B.weight') ? 0.01 : 1 / Math.sqrt(shape[1]);
      return [name, { shape, data: gaussianArray(shape[0] * shape[1], deviation, random) }];
    }),
  );
}

/** Rows full of random tokens, every one predicted with the same weight; weights sum to 1. */
export function benchBatch(config: LlamaConfig, batch: number, seq: number): TokenBatch {
  const size = batch * seq;
  const ids = benchIds(config, size + 1, 11);
  return {
    ids: BigInt64Array.from(ids.slice(0, size), BigInt),
    labels: BigInt64Array.from(ids.slice(1), BigInt),
    weights: new Float32Array(size).fill(1 / size),
  };
}

/**
 * Floating-point operations of the matrix products of one full training step, 2 for each multiply-add: forward
 * 2 N, backward 4 N for each token, N = weights of the linear layers and the head; attention 4 seq dim forward and twice
 * as many backward for each token and layer (scores and mixing over the whole [seq, seq], as it is computed).
 */
export function fullStepFlops(config: LlamaConfig, tokens: number, seq: number): number {
  const { dim, layers, ffn, vocab, heads, kvHeads, headDim } = config;
  const inner = heads * headDim;
  const linears = layers * (2 * dim * inner + 2 * dim * kvHeads * headDim + 3 * dim * ffn) + vocab * dim;
  return tokens * (6 * linears + 12 * layers * seq * inner);
}
