// Weights before any training: of a Llama (pre-training) and of a LoRA adapter. Used by pretrain.ts and
// the learners. Linear layers get a deviation of 0.55 / sqrt(inputs), which is GPT-2's 0.02 at its width of 768;
// what writes to the residual stream is smaller by sqrt(2 layers) (openai.com, GPT-2 report, section 2.3).
import { type LoraShape, loraTensorShapes } from '../graph/llama-train-graph.ts';
import { llamaTensorShapes } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { NamedTensor, TensorMap } from '../model/safetensors.ts';
import { gaussianArray, seededRandom } from './training-random.ts';

export function firstLlamaWeights(config: LlamaConfig, seed: number): TensorMap {
  const random = seededRandom(seed, 1);
  const make = (name: string, shape: readonly number[]): Float32Array => {
    const size = shape.reduce((product, n) => product * n, 1);
    if (name.endsWith('norm.weight')) return new Float32Array(size).fill(1);
    if (name.endsWith('.bias')) return new Float32Array(size);
    if (name.startsWith('model.embed_tokens')) return gaussianArray(size, 0.02, random);
    const toResidual = /(o_proj|down_proj)\.weight$/.test(name);
    const deviation = 0.55 / Math.sqrt(shape[1]) / (toResidual ? Math.sqrt(2 * config.layers) : 1);
    return gaussianArray(size, deviation, random);
  };
  return new Map(
    [...llamaTensorShapes(config)].map(([name, shape]): [string, NamedTensor] => [
      name,
      { shape, data: make(name, shape) },
    ]),
  );
}

/** A is normal with deviation 1 / sqrt(inputs), B is zero: the adapter begins as the base model itself. */
export function firstLoraWeights(config: LlamaConfig, lora: LoraShape, seed: number): TensorMap {
  const random = seededRandom(seed, 2);
  return new Map(
    [...loraTensorShapes(config, lora)].map(([name, shape]): [string, NamedTensor] => {
      const [rows, columns] = shape;
      const data = name.endsWith('lora_B.weight')
        ? new Float32Array(rows * columns)
        : gaussianArray(rows * columns, 1 / Math.sqrt(columns), random);
      return [name, { shape, data }];
    }),
  );
}
