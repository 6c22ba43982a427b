// adapter_config.json of a PEFT folder: rank, strength and targets; what the engine cannot serve is refused by name.
// Used by: lora-adapter and the serving pool. Knows no weights.
// Format: https://github.com/huggingface/peft/blob/main/docs/source/developer_guides/checkpoint.md

import { EngineError } from '../errors.ts';
import { type ModulePattern, parseModulePattern } from './adapter-patterns.ts';
import { isRecord } from './json-file.ts';
import { type Projection, projections } from './llama-weights.ts';

export interface AdapterSettings {
  readonly rank: number;
  readonly alpha: number;
  /** what B A is multiplied by: alpha / rank, or alpha / sqrt(rank) for rank-stabilised LoRA (arXiv 2312.03732) */
  readonly scale: number;
  readonly isRankStabilised: boolean;
  /** What differs from rank and alpha by module; empty for most. */
  readonly rankPattern: ModulePattern;
  readonly alphaPattern: ModulePattern;
  /** name of the base model as recorded, never a path of this machine */
  readonly base: string;
  /** A list of names, or a pattern; see {@link checkTargets}. */
  readonly targetModules: unknown;
}

/** @param where named in errors @throws EngineError `adapter_unsupported` | `adapter_malformed` */
export function parseAdapterSettings(json: unknown, where: string): AdapterSettings {
  if (!isRecord(json)) throw adapterError('adapter_malformed', where, 'not a JSON object');
  const refuse = (condition: boolean, what: string) => {
    if (condition) throw adapterError('adapter_unsupported', where, what);
  };
  const isEmpty = (value: unknown) =>
    value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
  refuse(json.peft_type !== 'LORA', `peft_type ${JSON.stringify(json.peft_type)}, only LORA`);
  for (const key of ['use_dora', 'fan_in_fan_out', 'lora_bias', 'use_qalora'])
    refuse(json[key] === true, `${key} true`);
  refuse((json.bias ?? 'none') !== 'none', `bias ${JSON.stringify(json.bias)}`);
  // All of these change more than linear layers by B A: whole modules, other parameters, the order of layers.
  for (const key of [
    'modules_to_save',
    'target_parameters',
    'trainable_token_indices',
    'layer_replication',
    'alora_invocation_tokens',
  ])
    refuse(!isEmpty(json[key]), `${key} ${JSON.stringify(json[key])}`);
  // These begin by taking a part out of the base's weights; PEFT writes `true` when it has converted them back.
  const init = json.init_lora_weights;
  refuse(
    typeof init === 'string' && /^(pissa|olora|loftq|corda)/.test(init.toLowerCase()),
    `init_lora_weights ${JSON.stringify(init)}, which changes the base too; save it with PEFT's path_initial_model_for_weight_conversion`,
  );
  const { r: rank, lora_alpha: alpha } = json;
  if (typeof rank !== 'number' || !Number.isSafeInteger(rank) || rank < 1)
    throw adapterError('adapter_malformed', where, `r is ${JSON.stringify(rank)}`);
  if (typeof alpha !== 'number' || !Number.isFinite(alpha))
    throw adapterError('adapter_malformed', where, `lora_alpha is ${JSON.stringify(alpha)}`);
  const isRankStabilised = json.use_rslora === true;
  const rankPattern = parseModulePattern(json.rank_pattern, `${where}: rank_pattern`);
  const wrong = rankPattern.find(([, value]) => !Number.isSafeInteger(value) || value < 1);
  if (wrong !== undefined)
    throw adapterError('adapter_malformed', where, `rank_pattern ${wrong[0]} is ${wrong[1]}`);
  return {
    rank,
    alpha,
    scale: alpha / (isRankStabilised ? Math.sqrt(rank) : rank),
    isRankStabilised,
    rankPattern,
    alphaPattern: parseModulePattern(json.alpha_pattern, `${where}: alpha_pattern`),
    base: typeof json.base_model_name_or_path === 'string' ? json.base_model_name_or_path : '',
    targetModules: json.target_modules,
  };
}

/** The largest rank that some pair may have. */
export function rankMaxOf({ rank, rankPattern }: AdapterSettings): number {
  return Math.max(rank, ...rankPattern.map(([, value]) => value));
}

/** A list names what the file must hold, no more and no less; a pattern (one string) is taken from the file itself. */
export function checkTargets(listed: unknown, found: readonly Projection[], where: string): void {
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

export function adapterError(code: string, where: string, what: string): EngineError {
  return new EngineError(`${where}: ${what}`, { code, retry: 'never' });
}
