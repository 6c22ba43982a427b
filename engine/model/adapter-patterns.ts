// Ranks and strengths by module: rank_pattern and alpha_pattern of adapter_config.json, and the same adapter with one
// rank for all its pairs, which is the only form the engine serves and trains. Used by adapter-settings and lora-adapter.
// PEFT matches a key as `(.*\.)?(KEY)$` against the module's name (peft/utils/other.py, get_pattern_key; the first that
// fits wins). Only names are taken, with or without a leading ^: a foreign regular expression could run for ever.
// Padding is exact and stays: a row of A and a column of B that are zero have zero gradients.
import { EngineError } from '../errors.ts';
import { isRecord } from './json-file.ts';
import type { NamedTensor, TensorMap } from './safetensors.ts';

/** In the order of the file. */
export type ModulePattern = readonly (readonly [name: string, value: number])[];

interface PatternedSettings {
  readonly rank: number;
  readonly alpha: number;
  readonly isRankStabilised: boolean;
  readonly rankPattern: ModulePattern;
  readonly alphaPattern: ModulePattern;
}

/** @param where file and key, named in errors @throws EngineError `adapter_malformed` | `adapter_unsupported` */
export function parseModulePattern(json: unknown, where: string): ModulePattern {
  if (json === undefined || json === null) return [];
  const fault = (code: string, what: string): EngineError =>
    new EngineError(`${where}: ${what}`, { code, retry: 'never' });
  if (!isRecord(json)) throw fault('adapter_malformed', 'not a JSON object');
  return Object.entries(json).map(([name, value]) => {
    if (!/^\^?[\w.]+$/.test(name))
      throw fault('adapter_unsupported', `${JSON.stringify(name)} is not the name of a module`);
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw fault('adapter_malformed', `${name} is ${JSON.stringify(value)}`);
    return [name, value];
  });
}

/** Rank and scale of one linear layer, `model.layers.0.self_attn.q_proj`. */
export function pairSettings(
  settings: PatternedSettings,
  module: string,
): { readonly rank: number; readonly scale: number } {
  const rank = valueFor(settings.rankPattern, module) ?? settings.rank;
  const alpha = valueFor(settings.alphaPattern, module) ?? settings.alpha;
  return { rank, scale: alpha / (settings.isRankStabilised ? Math.sqrt(rank) : rank) };
}

function valueFor(pattern: ModulePattern, module: string): number | undefined {
  const fits = ([name]: readonly [string, number]): boolean =>
    name.startsWith('^') ? module === name.slice(1) : `.${module}`.endsWith(`.${name}`);
  return pattern.find(fits)?.[1];
}

/**
 * Pairs of several ranks and scales -> pairs of one rank and one scale that compute the same: the smaller ones padded
 * with zeros, the quotient of the scales multiplied into B. Bits stay where rank and scale are the common ones.
 */
export function uniformPairs(
  weights: TensorMap,
  settings: PatternedSettings,
): { readonly rank: number; readonly alpha: number; readonly scale: number; readonly weights: TensorMap } {
  const moduleOf = (name: string): string => name.replace(/\.lora_[AB]\.weight$/, '');
  const pairs = new Map([...weights.keys()].map((name) => [name, pairSettings(settings, moduleOf(name))]));
  const rank = Math.max(...[...pairs.values()].map((pair) => pair.rank));
  const [first] = [...pairs.values()].filter((pair) => pair.scale !== 0);
  const scale = first?.scale ?? 1;
  const uniform = ([name, tensor]: readonly [string, NamedTensor]): [string, NamedTensor] => {
    const pair = pairs.get(name) ?? { rank, scale };
    if (name.endsWith('.lora_A.weight')) {
      const into = tensor.shape[1];
      const data = new Float32Array(rank * into);
      data.set(tensor.data);
      return [name, { shape: [rank, into], data }];
    }
    const out = tensor.shape[0];
    const factor = pair.scale / scale;
    const data = new Float32Array(out * rank);
    for (let row = 0; row < out; row++)
      for (let column = 0; column < pair.rank; column++)
        data[row * rank + column] = factor * tensor.data[row * pair.rank + column];
    return [name, { shape: [out, rank], data }];
  };
  const alpha = scale * rank;
  return { rank, alpha, scale: alpha / rank, weights: new Map([...weights].map(uniform)) };
}
