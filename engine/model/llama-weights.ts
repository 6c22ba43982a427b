// The weights of a Llama-family folder, checked against its config, under their Hugging Face names.
// Used by: graph builders, quantiser, trainer, reference. Knows no graph and no runtime.
// Invariants: every tensor the config implies is present with its exact shape; buffers that are not weights are dropped.
// Projections are [out, in] as stored: y = x W^T (+ b).

import { EngineError } from '../errors.ts';
import type { LlamaConfig } from './model-config.ts';
import { type NamedTensor, readSafetensorsFolder, type TensorMap } from './safetensors.ts';

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
      if (config.qkvBias && /[qkv]_proj$/.test(projection))
        shapes.set(`${prefix}.${projection}.bias`, [shape[0]]);
    }
    shapes.set(`${prefix}.post_attention_layernorm.weight`, [config.dim]);
  }
  shapes.set('model.norm.weight', [config.dim]);
  if (!config.tied) shapes.set('lm_head.weight', [config.vocab, config.dim]);
  return shapes;
}

/**
 * Reads and checks the weights of a model folder.
 * @throws EngineError `weights_missing` | `weights_shape_mismatch` | as readSafetensorsFolder
 */
export function loadLlamaWeights(folder: string, config: LlamaConfig): TensorMap {
  return checkLlamaWeights(readSafetensorsFolder(folder), config, folder);
}

/** Keeps exactly the tensors the config asks for, in file order. A tied model's surplus lm_head.weight is dropped. */
function checkLlamaWeights(tensors: TensorMap, config: LlamaConfig, where: string): TensorMap {
  const weights = new Map<string, NamedTensor>();
  for (const [name, shape] of llamaTensorShapes(config)) {
    const tensor = tensors.get(name);
    if (tensor === undefined)
      throw new EngineError(`${where}: weight ${name} is missing`, {
        code: 'weights_missing',
        retry: 'never',
      });
    if (tensor.shape.join() !== shape.join())
      throw new EngineError(`${where}: weight ${name} is [${tensor.shape}], the config asks for [${shape}]`, {
        code: 'weights_shape_mismatch',
        retry: 'never',
      });
    weights.set(name, tensor);
  }
  return weights;
}

/** A weight that {@link checkLlamaWeights} has vouched for. Missing is a bug of the caller. */
export function weightOf(weights: TensorMap, name: string): NamedTensor {
  const tensor = weights.get(name);
  if (tensor === undefined) throw new Error(`bug: weight ${name} asked for but not loaded`);
  return tensor;
}
