// What the measures of the training bench share: settings, a temporary folder, the model of the 7M shape and its
// sessions. It measures nothing. Invariant: A and B are both random, so that no gradient is zero.
import { loraTensorShapes } from '../../engine/graph/llama-train-graph.ts';
import { projections } from '../../engine/model/llama-weights.ts';
import type { LlamaConfig } from '../../engine/model/model-config.ts';
import type { NamedTensor, TensorMap } from '../../engine/model/safetensors.ts';
import { adamWDefaults, adamWStep, createAdamWState } from '../../engine/train/adamw.ts';
import { gaussianArray, seededRandom } from '../../engine/train/training-random.ts';
import type { TokenBatch, TrainingSession } from '../../engine/train/training-session.ts';
import { benchIds, shape15 } from './bench-model.ts';
import type { MeasureOf } from './bench-run.ts';

export interface TrainBench {
  readonly quick: boolean;
  /** Of whatever may have more than one. */
  readonly threads: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

export type TrainMeasure = MeasureOf<TrainBench>;

/** 7.16 million parameters: the shape that the goals were set for. */
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

/** Random texts of so many letters, a token each in the bench's tokenizer. */
export function benchTexts(random: () => number, count: number, letters: number): readonly string[] {
  const letter = (): string => String.fromCharCode(97 + Math.floor(26 * random()));
  return Array.from({ length: count }, () => Array.from({ length: letters }, letter).join(''));
}

/** Gradients and an update by AdamW: what one step of training is. */
export function stepOf(session: TrainingSession, trained: TensorMap, batch: TokenBatch): () => Promise<void> {
  const state = createAdamWState(trained);
  return async () => {
    const { gradients } = await session.run(batch);
    adamWStep(trained, gradients, state, 1e-6, adamWDefaults);
  };
}
