// LoRA adapters on disk in the PEFT format (adapter_config.json + adapter_model.safetensors), as vLLM and others load it.
// Used by: adapter pool, trainer, reference, attribution. Knows no graph and no people.
// Format: https://github.com/huggingface/peft/blob/main/docs/source/developer_guides/checkpoint.md
// Invariants: an adapter fits its base (checked against the config), holds A and B of every pair, and nothing else:
// biases, saved modules, DoRA and per-layer ranks are refused by name. Inside the engine names lack PEFT's prefix.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import { isRecord, readJsonFile } from './json-file.ts';
import { type Projection, projectionShape, projections } from './llama-weights.ts';
import type { LlamaConfig } from './model-config.ts';
import { type NamedTensor, readSafetensors, type TensorMap, writeSafetensors } from './safetensors.ts';

export interface LoraAdapter {
  readonly rank: number;
  readonly alpha: number;
  /** what B A is multiplied by: alpha / rank, or alpha / sqrt(rank) for rank-stabilised LoRA (arXiv 2312.03732) */
  readonly scale: number;
  readonly targets: readonly Projection[];
  /** name of the base model as recorded, never a path of this machine */
  readonly base: string;
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

/**
 * Reads a PEFT folder and checks it against the base model's config.
 * @throws EngineError `adapter_unsupported` | `adapter_malformed` | `adapter_shape_mismatch` | file and safetensors codes
 */
export function loadLoraAdapter(folder: string, config: LlamaConfig): LoraAdapter {
  const configPath = join(folder, 'adapter_config.json');
  const settings = readSettings(readJsonFile(configPath), configPath);
  const path = join(folder, 'adapter_model.safetensors');
  const weights = new Map<string, NamedTensor>();
  const targets = new Set<Projection>();
  for (const [peftName, tensor] of readSafetensors(path)) {
    // Adapters saved without PEFT's own saver keep the adapter's name in the middle.
    const name = peftName.replace(peftPrefix, '').replace('.default.weight', '.weight');
    const match = /^model\.layers\.(\d+)\.(.+)\.lora_([AB])\.weight$/.exec(name);
    const projection = projections.find((candidate) => candidate === match?.[2]);
    if (match === null || projection === undefined)
      throw adapterError(
        'adapter_unsupported',
        path,
        `tensor ${peftName} is not a LoRA pair of a linear layer`,
      );
    const layer = Number(match[1]);
    const [out, into] = projectionShape(config, projection);
    const expected = match[3] === 'A' ? [settings.rank, into] : [out, settings.rank];
    if (layer >= config.layers || tensor.shape.join() !== expected.join())
      throw adapterError(
        'adapter_shape_mismatch',
        path,
        `${peftName} is [${tensor.shape}]; the base has ${config.layers} layers and asks for [${expected}]`,
      );
    weights.set(name, tensor);
    targets.add(projection);
  }
  for (const name of weights.keys()) {
    const other = name.replace(/lora_([AB])/, (_, half: string) => (half === 'A' ? 'lora_B' : 'lora_A'));
    if (!weights.has(other)) throw adapterError('adapter_malformed', path, `${name} has no ${other}`);
  }
  if (weights.size === 0) throw adapterError('adapter_malformed', path, 'no LoRA tensors');
  const ordered = projections.filter((projection) => targets.has(projection));
  checkTargets(settings.targetModules, ordered, configPath);
  return { ...settings, targets: ordered, weights };
}

/** Writes a PEFT folder; each file is replaced whole, the weights first. */
export function saveLoraAdapter(folder: string, adapter: LoraAdapter): void {
  mkdirSync(folder, { recursive: true });
  const named = new Map([...adapter.weights].map(([name, tensor]) => [peftPrefix + name, tensor] as const));
  writeSafetensors(join(folder, 'adapter_model.safetensors'), named);
  const isRankStabilised = adapter.scale !== adapter.alpha / adapter.rank;
  const settings = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: adapter.base,
    r: adapter.rank,
    lora_alpha: adapter.alpha,
    target_modules: adapter.targets.map((target) => target.split('.').at(-1)),
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
    use_rslora: isRankStabilised,
    use_dora: false,
  };
  const path = join(folder, 'adapter_config.json');
  writeFileSync(`${path}.tmp`, `${JSON.stringify(settings, null, 2)}\n`);
  renameSync(`${path}.tmp`, path);
}

interface AdapterSettings {
  readonly rank: number;
  readonly alpha: number;
  readonly scale: number;
  readonly base: string;
  readonly targetModules: unknown;
}

function readSettings(json: unknown, where: string): AdapterSettings {
  if (!isRecord(json)) throw adapterError('adapter_malformed', where, 'not a JSON object');
  const refuse = (condition: boolean, what: string) => {
    if (condition) throw adapterError('adapter_unsupported', where, what);
  };
  const isEmpty = (value: unknown) =>
    value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
  refuse(json.peft_type !== 'LORA', `peft_type ${JSON.stringify(json.peft_type)}, only LORA`);
  refuse(json.use_dora === true, 'use_dora true');
  refuse((json.bias ?? 'none') !== 'none', `bias ${JSON.stringify(json.bias)}`);
  refuse(json.fan_in_fan_out === true, 'fan_in_fan_out true');
  for (const key of ['modules_to_save', 'rank_pattern', 'alpha_pattern'])
    refuse(!isEmpty(json[key]), `${key} ${JSON.stringify(json[key])}`);
  const { r: rank, lora_alpha: alpha } = json;
  if (typeof rank !== 'number' || !Number.isSafeInteger(rank) || rank < 1)
    throw adapterError('adapter_malformed', where, `r is ${JSON.stringify(rank)}`);
  if (typeof alpha !== 'number' || !Number.isFinite(alpha))
    throw adapterError('adapter_malformed', where, `lora_alpha is ${JSON.stringify(alpha)}`);
  return {
    rank,
    alpha,
    scale: alpha / (json.use_rslora === true ? Math.sqrt(rank) : rank),
    base: typeof json.base_model_name_or_path === 'string' ? json.base_model_name_or_path : '',
    targetModules: json.target_modules,
  };
}

/** A list names what the file must hold, no more and no less; a pattern (one string) is taken from the file itself. */
function checkTargets(listed: unknown, found: readonly Projection[], where: string): void {
  if (typeof listed === 'string') return;
  if (!Array.isArray(listed) || listed.length === 0)
    throw adapterError('adapter_malformed', where, `target_modules is ${JSON.stringify(listed)}`);
  const covers = (target: unknown, projection: Projection) =>
    typeof target === 'string' && (projection === target || projection.endsWith(`.${target}`));
  const unknown = listed.filter((target) => !projections.some((projection) => covers(target, projection)));
  if (unknown.length > 0)
    throw adapterError('adapter_unsupported', where, `target_modules ${JSON.stringify(unknown)}`);
  const missing = listed.filter((target) => !found.some((projection) => covers(target, projection)));
  const surplus = found.filter((projection) => !listed.some((target) => covers(target, projection)));
  if (missing.length + surplus.length > 0)
    throw adapterError(
      'adapter_malformed',
      where,
      `target_modules and weights differ: ${JSON.stringify([...missing, ...surplus])}`,
    );
}

function adapterError(code: string, where: string, what: string): EngineError {
  return new EngineError(`${where}: ${what}`, { code, retry: 'never' });
}
