// How many rows and how large pools fit under a memory ceiling. Used by the serving worker before it loads a model. It
// knows sizes only. What it plans is what stays resident for good: weights, cache and adapter rows, the two pools; a
// process takes some 100 MiB besides, and more for moments while it loads.
import { EngineError } from '../errors.ts';
import { llamaTensorShapes, projections } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { quantBlocks } from '../model/quantise.ts';
import type { WeightFormat } from '../model/weight-format.ts';

interface MemoryWishes {
  readonly config: LlamaConfig;
  readonly weights: WeightFormat;
  readonly contextTokens: number;
  readonly rowsMax: number;
  readonly adapterBytesMax: number;
  readonly prefixBytesMax: number;
  readonly memoryBytesMax: number;
}

interface MemoryPlan {
  readonly rowsMax: number;
  readonly adapterBytesMax: number;
  readonly prefixBytesMax: number;
}

/** Rank that rows and one adapter in memory are reckoned with. */
const usualRank = 16;
const f32 = Float32Array.BYTES_PER_ELEMENT;

/**
 * Wishes are cut to what fits: the pools to a quarter of what one row leaves, each; the rest is rows.
 * @throws EngineError `memory_too_small` if not even one row fits, with the figures
 */
export function planMemory(wishes: MemoryWishes): MemoryPlan {
  const { config, contextTokens, memoryBytesMax } = wishes;
  const weights = weightBytes(config, wishes.weights);
  const adapter = adapterBytes(config);
  const row = contextTokens * kvTokenBytes(config) + config.vocab * f32 + adapter;
  const spare = memoryBytesMax - weights - row;
  if (spare < adapter)
    throw new EngineError(
      `${mib(memoryBytesMax)} of memory are allowed, but the weights (${wishes.weights}) take ${mib(weights)}, ` +
        `one conversation of ${contextTokens} tokens ${mib(row)} and one adapter ${mib(adapter)}`,
      { code: 'memory_too_small', retry: 'never' },
    );
  const adapterBytesMax = Math.min(wishes.adapterBytesMax, Math.max(adapter, Math.floor(spare / 4)));
  const prefixBytesMax = Math.min(wishes.prefixBytesMax, Math.floor((spare - adapter) / 4));
  const rows = 1 + Math.floor((spare - adapterBytesMax - prefixBytesMax) / row);
  return { rowsMax: Math.max(1, Math.min(wishes.rowsMax, rows)), adapterBytesMax, prefixBytesMax };
}

/** Keys and values of one token. */
export function kvTokenBytes({ layers, kvHeads, headDim }: LlamaConfig): number {
  return 2 * layers * kvHeads * headDim * f32;
}

/** Matrices in their format (a scale for each block), the embedding table and the rest in f32. */
export function weightBytes(config: LlamaConfig, weights: WeightFormat): number {
  const perValue = { f32, int8: 1 + f32 / quantBlocks.int8, int4: 0.5 + f32 / quantBlocks.int4 }[weights];
  let bytes = 0;
  for (const [name, shape] of llamaTensorShapes(config)) {
    const size = shape.reduce((product, length) => product * length, 1);
    const isEmbedding = name === 'model.embed_tokens.weight';
    const isLinear = !isEmbedding && shape.length === 2;
    if (isLinear || (isEmbedding && config.tied)) bytes += size * perValue; // a tied head is a matrix of its own
    if (!isLinear) bytes += size * f32;
  }
  return bytes;
}

function adapterBytes(config: LlamaConfig): number {
  let values = 0;
  for (const [name, shape] of llamaTensorShapes(config)) {
    if (projections.some((projection) => name.endsWith(`${projection}.weight`)))
      values += usualRank * (shape[0] + shape[1]);
  }
  return values * f32;
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;
}
