// How much memory a model needs when served, by weight format. Used by inspect. An estimate from the config alone:
// matrices in their format, the embedding table once more in f32 for looking tokens up, norms and biases in f32.
// Blocks of 32 weights share one f32 scale (MatMulNBits). The cache keeps keys and values in f32.

import { llamaTensorShapes } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { quantBlock } from '../model/quantise.ts';
import type { WeightFormat } from '../model/weight-format.ts';

const bitsPerWeight: Readonly<Record<WeightFormat, number>> = {
  int8: 8 + 32 / quantBlock,
  int4: 4 + 32 / quantBlock,
  f32: 32,
};

/** Bytes of the weights of a served model. */
export function servedWeightBytes(config: LlamaConfig, format: WeightFormat): number {
  const table = config.vocab * config.dim;
  let matrices = config.tied ? table : 0; // a tied head is a matrix of its own beside the table
  let vectors = 0;
  for (const [name, shape] of llamaTensorShapes(config)) {
    if (name === 'model.embed_tokens.weight') continue;
    if (shape.length === 2) matrices += shape[0] * shape[1];
    else vectors += shape[0];
  }
  return Math.ceil((matrices * bitsPerWeight[format]) / 8 + (table + vectors) * 4);
}

/** Bytes of keys and values of one token of one conversation. */
export function cacheBytesPerToken(config: LlamaConfig): number {
  return 2 * config.layers * config.kvHeads * config.headDim * 4;
}

/** All weights of the model, a tied head counted once. */
export function parameterCount(config: LlamaConfig): number {
  return [...llamaTensorShapes(config).values()].reduce(
    (sum, shape) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}
