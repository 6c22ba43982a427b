// The weights of a Llama-family folder, checked against its config, under their Hugging Face names.
// Used by: graph builders, quantiser, trainer, reference. Knows no graph and no runtime.
// Invariants: every tensor the config implies is present with its exact shape; buffers that are not weights are dropped.
// Projections are [out, in] as stored: y = x W^T (+ b).

import { EngineError } from '../errors.ts';
import type { LlamaConfig } from './model-config.ts';
import type { NamedTensor, TensorMap } from './safetensors.ts';
import { openSafetensorsFolder } from './safetensors-file.ts';

/** The linear layers of one block, in order of use; also what LoRA may target. */
export const projections = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.gate_proj',
  'mlp.up_proj',
  'mlp.down_proj',
] as const;
export type Projection = (typeof projections)[number];

/** [out, in] of a projection. */
export function projectionShape(config: LlamaConfig, projection: Projection): readonly [number, number] {
  const queryWidth = config.heads * config.headDim;
  const keyWidth = config.kvHeads * config.headDim;
  switch (projection) {
    case 'self_attn.q_proj':
      return [queryWidth, config.dim];
    case 'self_attn.k_proj':
    case 'self_attn.v_proj':
      return [keyWidth, config.dim];
    case 'self_attn.o_proj':
      return [config.dim, queryWidth];
    case 'mlp.gate_proj':
    case 'mlp.up_proj':
      return [config.ffn, config.dim];
    case 'mlp.down_proj':
      return [config.dim, config.ffn];
  }
}

/** Whether a projection of this model adds a bias: y = x W^T + b. */
export function hasBias(config: LlamaConfig, projection: Projection): boolean {
  if (projection === 'self_attn.o_proj') return config.outputBias === true;
  return projection.startsWith('mlp.') ? config.mlpBias === true : config.qkvBias;
}

/** Every tensor a model of this config has, with its shape, in file order. */
export function llamaTensorShapes(config: LlamaConfig): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  shapes.set('model.embed_tokens.weight', [config.vocab, config.dim]);
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    shapes.set(`${prefix}.input_layernorm.weight`, [config.dim]);
    for (const projection of projections) {
      const shape = projectionShape(config, projection);
      shapes.set(`${prefix}.${projection}.weight`, shape);
      if (hasBias(config, projection)) shapes.set(`${prefix}.${projection}.bias`, [shape[0]]);
    }
    shapes.set(`${prefix}.post_attention_layernorm.weight`, [config.dim]);
  }
  shapes.set('model.norm.weight', [config.dim]);
  if (!config.tied) shapes.set('lm_head.weight', [config.vocab, config.dim]);
  return shapes;
}

/** The weights of a folder, read one at a time. */
export interface LlamaWeightSource {
  /** Values of a tensor that the config implies, row-major, F16 and BF16 widened. @throws EngineError `weights_not_finite` */
  readonly read: (name: string) => Float32Array;
  readonly has: (name: string) => boolean;
  /** Bytes that all of them take on disk. */
  readonly totalBytes: number;
  /** Bytes on disk of those read so far, each counted once: progress is readBytes() / totalBytes. */
  readonly readBytes: () => number;
  readonly close: () => void;
}

/**
 * Opens the weights of a model folder. Names, shapes and types are checked at once, values as they are read; never is
 * more than the tensor asked for in memory. A tied model's surplus lm_head.weight and buffers are left out.
 * A weight that the config has no place for, such as a bias it does not speak of, is refused: without it the model
 * would answer wrongly.
 * @throws EngineError `weights_missing` | `weights_shape_mismatch` | `weights_unexpected` | as openSafetensorsFolder
 */
export function openLlamaWeights(folder: string, config: LlamaConfig): LlamaWeightSource {
  const file = openSafetensorsFolder(folder);
  const shapes = llamaTensorShapes(config);
  const sizes = new Map<string, number>();
  try {
    for (const [name, shape] of shapes) {
      const entry = file.entries.get(name);
      if (entry === undefined) throw weightsError('weights_missing', folder, `weight ${name} is missing`);
      if (entry.shape.join() !== shape.join())
        throw weightsError(
          'weights_shape_mismatch',
          folder,
          `weight ${name} is [${entry.shape}], the config asks for [${shape}]`,
        );
      sizes.set(name, entry.end - entry.start);
    }
    for (const name of file.entries.keys())
      if (!shapes.has(name) && layerOfWeight(name) < config.layers)
        throw weightsError(
          'weights_unexpected',
          folder,
          `weight ${name} has no place in a model of this config`,
        );
  } catch (error) {
    file.close();
    throw error;
  }
  const seen = new Set<string>();
  let readBytes = 0;
  return {
    read: (name) => {
      const size = sizes.get(name);
      if (size === undefined)
        throw new Error(`bug: weight ${name} asked for, which this model does not have`);
      const values = file.read(name);
      const bad = firstNotFinite(values);
      if (bad >= 0)
        throw weightsError('weights_not_finite', folder, `weight ${name} holds ${values[bad]} at ${bad}`);
      if (!seen.has(name)) readBytes += size;
      seen.add(name);
      return values;
    },
    has: (name) => sizes.has(name),
    totalBytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    readBytes: () => readBytes,
    close: file.close,
  };
}

/**
 * All weights of a model folder at once, for training and the reference.
 * @throws EngineError as {@link openLlamaWeights} and its `read`
 */
export function loadLlamaWeights(folder: string, config: LlamaConfig): TensorMap {
  const source = openLlamaWeights(folder, config);
  try {
    const weights = new Map<string, NamedTensor>();
    for (const [name, shape] of llamaTensorShapes(config))
      weights.set(name, { shape, data: source.read(name) });
    return weights;
  } finally {
    source.close();
  }
}

/** Index of the first NaN or infinity, -1 if there is none. */
export function firstNotFinite(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i] & 0x7f800000) === 0x7f800000) return i;
  return -1;
}

/** The block that a weight or bias belongs to; infinity for what is neither (buffers) or lies outside the blocks. */
function layerOfWeight(name: string): number {
  return Number(/^model\.layers\.(\d+)\..*\.(?:weight|bias)$/.exec(name)?.[1] ?? Number.POSITIVE_INFINITY);
}

function weightsError(code: string, folder: string, what: string): EngineError {
  return new EngineError(`${folder}: ${what}`, { code, retry: 'never' });
}

/** A weight that {@link openLlamaWeights} has vouched for. Missing is a bug of the caller. */
export function weightOf(weights: TensorMap, name: string): NamedTensor {
  const tensor = weights.get(name);
  if (tensor === undefined) throw new Error(`bug: weight ${name} asked for but not loaded`);
  return tensor;
}
