// A Hugging Face config.json of the Llama family -> the numbers the graphs are built from.
// Used by: graph builders, reference, weights, adapters, serving. Knows no weights and no files but the two it reads.
// Supported: LlamaForCausalLM, MistralForCausalLM without sliding window, Qwen2ForCausalLM without sliding window.
// Everything that would compute something else than these three (rope scaling, other activations, extra biases, sliding
// windows) is refused by name: a wrong answer that looks like an answer is the worst outcome.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import { isRecord, readJsonFile } from './json-file.ts';

/** The shape of one Llama-family model. All sizes are element counts. */
export interface LlamaConfig {
  readonly dim: number;
  readonly layers: number;
  /** query heads */
  readonly heads: number;
  /** key/value heads; heads is a multiple of it (grouped-query attention) */
  readonly kvHeads: number;
  /** even; heads * headDim need not equal dim */
  readonly headDim: number;
  readonly ffn: number;
  readonly vocab: number;
  readonly maxSeq: number;
  readonly ropeTheta: number;
  readonly rmsEps: number;
  /** the output head is the embedding matrix */
  readonly tied: boolean;
  /** q, k and v projections have biases (Qwen2) */
  readonly qkvBias: boolean;
  readonly bosId: number | undefined;
  /** any of these ends a generation */
  readonly eosIds: readonly number[];
}

const architectures: ReadonlySet<string> = new Set([
  'LlamaForCausalLM',
  'MistralForCausalLM',
  'Qwen2ForCausalLM',
]);

/**
 * Reads `config.json` of a model folder; end-of-sequence ids of `generation_config.json` are added where it exists.
 * @throws EngineError `config_unsupported` | `config_malformed` | `file_unreadable` | `json_malformed`
 */
export function loadModelConfig(folder: string): LlamaConfig {
  const config = parseModelConfig(readJsonFile(join(folder, 'config.json')), join(folder, 'config.json'));
  const generationPath = join(folder, 'generation_config.json');
  if (!existsSync(generationPath)) return config;
  const generation = readJsonFile(generationPath);
  const extra = isRecord(generation) ? idList(generation.eos_token_id, 'eos_token_id', generationPath) : [];
  return { ...config, eosIds: [...new Set([...config.eosIds, ...extra])] };
}

/** Validates a parsed config.json. @param where named in errors */
export function parseModelConfig(json: unknown, where = 'config.json'): LlamaConfig {
  if (!isRecord(json)) throw configError('config_malformed', where, 'not a JSON object');
  const refuse = (what: string): never => {
    throw configError('config_unsupported', where, what);
  };
  const size = (key: string, fallback?: number): number => {
    const value = json[key] ?? fallback;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value <= 0)
      throw configError(
        'config_malformed',
        where,
        `${key} is ${JSON.stringify(value)}, expected a positive integer`,
      );
    return value;
  };
  const positive = (key: string, value: unknown): number => {
    if (typeof value !== 'number' || !(value > 0))
      throw configError(
        'config_malformed',
        where,
        `${key} is ${JSON.stringify(value)}, expected a positive number`,
      );
    return value;
  };

  const architecture = architectureOf(json);
  if (!architectures.has(architecture))
    refuse(`architecture ${architecture}; supported: ${[...architectures].join(', ')}`);
  const isQwen2 = architecture === 'Qwen2ForCausalLM';
  if ((json.hidden_act ?? 'silu') !== 'silu')
    refuse(`hidden_act ${JSON.stringify(json.hidden_act)}, only silu`);
  if (json.mlp_bias === true) refuse('mlp_bias true');
  // In Llama attention_bias also puts one on o_proj, which Qwen2 does not have.
  if (json.attention_bias === true) refuse('attention_bias true (bias on all four projections)');
  const windowOn = isQwen2 ? json.use_sliding_window === true : (json.sliding_window ?? null) !== null;
  if (windowOn) refuse(`sliding window attention (sliding_window ${JSON.stringify(json.sliding_window)})`);
  if (json.quantization_config !== undefined && json.quantization_config !== null)
    refuse('quantised weights');
  const partial = json.partial_rotary_factor;
  if (partial !== undefined && partial !== null && partial !== 1)
    refuse(`partial_rotary_factor ${String(partial)}`);
  const rope = ropeOf(json, refuse);

  const dim = size('hidden_size');
  const heads = size('num_attention_heads');
  const kvHeads = size('num_key_value_heads', heads);
  const headDim = size('head_dim', Math.floor(dim / heads));
  if (heads % kvHeads !== 0)
    throw configError(
      'config_malformed',
      where,
      `${heads} heads are not a multiple of ${kvHeads} key/value heads`,
    );
  if (headDim % 2 !== 0) refuse(`odd head size ${headDim}, rotary position needs pairs`);
  if (json.head_dim == null && dim % heads !== 0)
    throw configError('config_malformed', where, `hidden_size ${dim} is not a multiple of ${heads} heads`);

  return {
    dim,
    layers: size('num_hidden_layers'),
    heads,
    kvHeads,
    headDim,
    ffn: size('intermediate_size'),
    vocab: size('vocab_size'),
    maxSeq: size('max_position_embeddings', isQwen2 ? 32768 : 2048),
    ropeTheta: positive('rope_theta', rope ?? 10000),
    rmsEps: positive('rms_norm_eps', json.rms_norm_eps ?? 1e-6),
    tied: json.tie_word_embeddings === true,
    qkvBias: isQwen2,
    bosId: idList(json.bos_token_id, 'bos_token_id', where)[0],
    eosIds: idList(json.eos_token_id, 'eos_token_id', where),
  };
}

/** The config.json of a model this project made itself (a plain LlamaForCausalLM). Inverse of {@link parseModelConfig}. */
export function toConfigJson(config: LlamaConfig): Readonly<Record<string, unknown>> {
  return {
    architectures: [config.qkvBias ? 'Qwen2ForCausalLM' : 'LlamaForCausalLM'],
    model_type: config.qkvBias ? 'qwen2' : 'llama',
    attention_bias: false,
    mlp_bias: false,
    hidden_act: 'silu',
    hidden_size: config.dim,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    intermediate_size: config.ffn,
    vocab_size: config.vocab,
    max_position_embeddings: config.maxSeq,
    rope_theta: config.ropeTheta,
    rope_scaling: null,
    rms_norm_eps: config.rmsEps,
    tie_word_embeddings: config.tied,
    bos_token_id: config.bosId ?? null,
    eos_token_id: config.eosIds.length === 1 ? config.eosIds[0] : config.eosIds,
    torch_dtype: 'float32',
    use_cache: true,
  };
}

function architectureOf(json: Readonly<Record<string, unknown>>): string {
  const listed = Array.isArray(json.architectures) ? json.architectures[0] : undefined;
  return typeof listed === 'string' ? listed : `(none listed, model_type ${JSON.stringify(json.model_type)})`;
}

/** rope_theta from its old place (top level) or its new one (rope_parameters); any kind but plain rope is refused. */
function ropeOf(json: Readonly<Record<string, unknown>>, refuse: (what: string) => never): unknown {
  for (const key of ['rope_scaling', 'rope_parameters']) {
    const rope = json[key];
    if (!isRecord(rope)) continue;
    const kind = rope.rope_type ?? rope.type ?? 'default';
    if (kind !== 'default') refuse(`${key} of type ${JSON.stringify(kind)}, only plain rotary positions`);
  }
  const parameters = json.rope_parameters;
  return isRecord(parameters) && parameters.rope_theta !== undefined
    ? parameters.rope_theta
    : json.rope_theta;
}

function idList(value: unknown, key: string, where: string): readonly number[] {
  if (value === undefined || value === null) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((id) => {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)
      throw configError('config_malformed', where, `${key} is ${JSON.stringify(value)}, expected token ids`);
    return id;
  });
}

function configError(code: string, where: string, what: string): EngineError {
  return new EngineError(`${where}: ${what}`, { code, retry: 'never' });
}
