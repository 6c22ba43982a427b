// LoRA adapters on disk in the PEFT format (adapter_config.json + adapter_model.safetensors), as vLLM and others load it.
// Used by: adapter pool, trainer, reference, attribution. Knows no graph and no people.
// Format: https://github.com/huggingface/peft/blob/main/docs/source/developer_guides/checkpoint.md
// Invariants: an adapter fits its base (checked against the config), holds A and B of every pair, and nothing else:
// biases, saved modules and DoRA are refused by name; ranks and strengths by module become one rank and one strength
// (adapter-patterns.ts). Inside the engine names lack PEFT's prefix.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pairSettings, uniformPairs } from './adapter-patterns.ts';
import {
  type AdapterSettings,
  adapterError,
  checkTargets,
  parseAdapterSettings,
} from './adapter-settings.ts';
import { readJsonFile } from './json-file.ts';
import { firstNotFinite, type Projection, projectionShape, projections } from './llama-weights.ts';
import type { LlamaConfig } from './model-config.ts';
import { type NamedTensor, readSafetensors, type TensorMap, writeSafetensors } from './safetensors.ts';

/** One rank and one scale for all pairs. */
export interface LoraAdapter extends Pick<AdapterSettings, 'rank' | 'alpha' | 'scale' | 'base'> {
  readonly targets: readonly Projection[];
  /** `model.layers.0.self_attn.q_proj.lora_A.weight` [rank, in], `.lora_B.weight` [out, rank] */
  readonly weights: TensorMap;
}

/** One pair: y += scale * B (A x). */
export interface LoraMatrices {
  readonly rank: number;
  readonly a: Float32Array; // [rank, in]
  readonly b: Float32Array; // [out, rank]
  readonly scale: number;
}

const peftPrefix = 'base_model.model.';

/** Name of one half of a pair inside the engine; PEFT's name has `base_model.model.` before it. */
export function loraTensorName(layer: number, projection: Projection, half: 'A' | 'B'): string {
  return `model.layers.${layer}.${projection}.lora_${half}.weight`;
}

/** The pair of one projection, undefined where the adapter leaves that layer alone. */
export function loraPair(
  adapter: LoraAdapter,
  layer: number,
  projection: Projection,
): LoraMatrices | undefined {
  const a = adapter.weights.get(loraTensorName(layer, projection, 'A'));
  const b = adapter.weights.get(loraTensorName(layer, projection, 'B'));
  if (a === undefined || b === undefined) return undefined;
  return { rank: a.shape[0], a: a.data, b: b.data, scale: adapter.scale };
}

/** The same adapter with the scale multiplied into B, so that it can be applied as y += B (A x). */
export function foldLoraScale(adapter: LoraAdapter): LoraAdapter {
  const fold = ([name, tensor]: readonly [string, NamedTensor]): [string, NamedTensor] => [
    name,
    name.endsWith('.lora_B.weight')
      ? { shape: tensor.shape, data: tensor.data.map((value) => value * adapter.scale) }
      : tensor,
  ];
  return { ...adapter, alpha: adapter.rank, scale: 1, weights: new Map([...adapter.weights].map(fold)) };
}

/** The two files of a PEFT folder. */
export function adapterPaths(folder: string): { readonly settings: string; readonly weights: string } {
  return {
    settings: join(folder, 'adapter_config.json'),
    weights: join(folder, 'adapter_model.safetensors'),
  };
}

/**
 * Reads a PEFT folder and checks it against the base model's config.
 * @throws EngineError `adapter_unsupported` | `adapter_malformed` | `adapter_shape_mismatch` | `adapter_not_finite` |
 * file and safetensors codes
 */
export function loadLoraAdapter(folder: string, config: LlamaConfig): LoraAdapter {
  const paths = adapterPaths(folder);
  const settings = parseAdapterSettings(readJsonFile(paths.settings), paths.settings);
  const { tensors, targets } = matchLoraTensors(readSafetensors(paths.weights), settings, config, folder);
  for (const [name, { data }] of tensors) {
    const bad = firstNotFinite(data);
    if (bad >= 0)
      throw adapterError('adapter_not_finite', paths.weights, `${name} holds ${data[bad]} at ${bad}`);
  }
  return adapterOf(settings, targets, tensors);
}

/** The adapter that settings and matched tensors describe, with one rank and one scale. */
export function adapterOf(
  settings: AdapterSettings,
  targets: readonly Projection[],
  tensors: TensorMap,
): LoraAdapter {
  const { rank, alpha, scale, base, rankPattern, alphaPattern } = settings;
  if (rankPattern.length + alphaPattern.length === 0)
    return { rank, alpha, scale, base, targets, weights: tensors };
  return { ...uniformPairs(tensors, settings), base, targets };
}

/**
 * The tensors of an adapter's file under the engine's names, and the projections they adapt; anything that does not fit
 * the base or the settings is refused. Needs only shapes, so that a file can be checked before its values are read.
 * @throws EngineError `adapter_unsupported` | `adapter_malformed` | `adapter_shape_mismatch`
 */
export function matchLoraTensors<T extends { readonly shape: readonly number[] }>(
  stored: ReadonlyMap<string, T>,
  settings: AdapterSettings,
  config: LlamaConfig,
  folder: string,
): { readonly tensors: ReadonlyMap<string, T>; readonly targets: readonly Projection[] } {
  const paths = adapterPaths(folder);
  const tensors = new Map<string, T>();
  const found = new Set<Projection>();
  for (const [peftName, tensor] of stored) {
    // Adapters saved without PEFT's own saver keep the adapter's name in the middle.
    const name = peftName.replace(peftPrefix, '').replace('.default.weight', '.weight');
    const match = /^model\.layers\.(\d+)\.(.+)\.lora_([AB])\.weight$/.exec(name);
    const projection = projections.find((candidate) => candidate === match?.[2]);
    if (match === null || projection === undefined)
      throw adapterError(
        'adapter_unsupported',
        paths.weights,
        `tensor ${peftName} is not a LoRA pair of a linear layer`,
      );
    const layer = Number(match[1]);
    const [out, into] = projectionShape(config, projection);
    const { rank } = pairSettings(settings, `model.layers.${layer}.${projection}`);
    const expected = match[3] === 'A' ? [rank, into] : [out, rank];
    if (layer >= config.layers || tensor.shape.join() !== expected.join())
      throw adapterError(
        'adapter_shape_mismatch',
        paths.weights,
        `${peftName} is [${tensor.shape}]; the base has ${config.layers} layers and asks for [${expected}]`,
      );
    if (tensors.has(name)) throw adapterError('adapter_malformed', paths.weights, `${name} is there twice`);
    tensors.set(name, tensor);
    found.add(projection);
  }
  for (const name of tensors.keys()) {
    const other = name.replace(/lora_([AB])/, (_, half: string) => (half === 'A' ? 'lora_B' : 'lora_A'));
    if (!tensors.has(other))
      throw adapterError('adapter_malformed', paths.weights, `${name} has no ${other}`);
  }
  if (tensors.size === 0) throw adapterError('adapter_malformed', paths.weights, 'no LoRA tensors');
  const targets = projections.filter((projection) => found.has(projection));
  checkTargets(settings.targetModules, targets, paths.settings);
  return { tensors, targets };
}

/** Writes a PEFT folder; each file is replaced whole, the weights first. */
export function saveLoraAdapter(folder: string, adapter: LoraAdapter): void {
  mkdirSync(folder, { recursive: true });
  const named = new Map([...adapter.weights].map(([name, tensor]) => [peftPrefix + name, tensor] as const));
  const paths = adapterPaths(folder);
  writeSafetensors(paths.weights, named);
  // The fields that LoraConfig has had since PEFT 0.9 (src/peft/tuners/lora/config.py); a newer one would stop an older PEFT.
  const settings = {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: adapter.base,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: adapter.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: adapter.rank,
    rank_pattern: {},
    revision: null,
    target_modules: adapter.targets.map((target) => target.split('.').at(-1)),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: isRankStabilised(adapter),
  };
  writeFileSync(`${paths.settings}.tmp`, `${JSON.stringify(settings, null, 2)}\n`);
  renameSync(`${paths.settings}.tmp`, paths.settings);
}

/** The file says alpha, and which of two ways it becomes the scale. */
function isRankStabilised({ rank, alpha, scale }: LoraAdapter): boolean {
  const isNear = (value: number): boolean => Math.abs(scale - value) <= 1e-9 * Math.abs(value);
  if (isNear(alpha / rank)) return false;
  if (isNear(alpha / Math.sqrt(rank))) return true;
  throw new Error(`bug: no adapter_config.json gives scale ${scale} from alpha ${alpha} and rank ${rank}`);
}
