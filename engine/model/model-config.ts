// A Hugging Face config.json of the Llama family -> the numbers the graphs are built from.
// Used by: graph builders, reference, weights, adapters, serving. Knows no weights and no files but the two it reads.
// Supported: the architectures of `architectures` below; engine/README.md has the table of what differs between them.
// Everything that would compute something else (other activations, other rotary kinds, quantised weights) is refused by
// name: a wrong answer that looks like an answer is the worst outcome.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  booleanField,
  type ConfigFields,
  idListField,
  malformedConfig,
  positiveField,
  show,
  sizeField,
  unsupportedConfig,
} from './config-fields.ts';
import { isRecord, readJsonFile } from './json-file.ts';
import { parseRope, type RopeScaling, ropeScalingJson } from './rope-scaling.ts';

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
  /**
   * The longest context, tokens. A model with sliding-window attention ends at its window: up to there every token
   * sees every other, so no layer needs to know about windows.
   */
  readonly maxSeq: number;
  readonly ropeTheta: number;
  /** Left out = plain rotary positions. */
  readonly ropeScaling?: RopeScaling;
  readonly rmsEps: number;
  /** the output head is the embedding matrix */
  readonly tied: boolean;
  /** q, k and v projections have biases (Qwen2; Llama with attention_bias) */
  readonly qkvBias: boolean;
  /** the attention's output projection has a bias too (Llama with attention_bias); left out = no */
  readonly outputBias?: boolean;
  /** gate, up and down projections have biases (Llama with mlp_bias); left out = no */
  readonly mlpBias?: boolean;
  readonly bosId: number | undefined;
  /** any of these ends a generation */
  readonly eosIds: readonly number[];
}

/** The largest published models of the family have 126; each layer costs work before any weight is read. */
const layersMax = 1024;

/** What a config class of transformers assumes where config.json is silent. */
interface Architecture {
  readonly kvHeads: (heads: number) => number;
  readonly maxSeq: number;
  /** Tokens that attention reaches back in some layer, the token itself included; undefined = all. */
  readonly slidingWindow: (fields: ConfigFields, layers: number) => number | undefined;
}

const architectures: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  [
    'LlamaForCausalLM', // Llama 2, 3, 3.1, 3.2, SmolLM2
    { kvHeads: (heads) => heads, maxSeq: 2048, slidingWindow: () => undefined },
  ],
  ['MistralForCausalLM', { kvHeads: () => 8, maxSeq: 131072, slidingWindow: mistralWindow }],
  ['Qwen2ForCausalLM', { kvHeads: () => 32, maxSeq: 32768, slidingWindow: qwen2Window }],
]);

/** The architecture names that are served, as `architectures` of config.json writes them. */
export const supportedArchitectures: readonly string[] = [...architectures.keys()];

/**
 * Reads `config.json` of a model folder; end-of-sequence ids of `generation_config.json` are added where it exists.
 * @throws EngineError `config_unsupported` | `config_malformed` | `file_unreadable` | `json_malformed`
 */
export function loadModelConfig(folder: string): LlamaConfig {
  const config = parseModelConfig(readJsonFile(join(folder, 'config.json')), join(folder, 'config.json'));
  const path = join(folder, 'generation_config.json');
  if (!existsSync(path)) return config;
  const generation = readJsonFile(path);
  if (!isRecord(generation)) throw malformedConfig(path, 'not a JSON object');
  const eosIds = idListField({ json: generation, where: path }, 'eos_token_id');
  return { ...config, eosIds: [...new Set([...config.eosIds, ...eosIds])] };
}

/** Validates a parsed config.json. @param where named in errors */
export function parseModelConfig(json: unknown, where = 'config.json'): LlamaConfig {
  if (!isRecord(json)) throw malformedConfig(where, 'not a JSON object');
  const fields: ConfigFields = { json, where };
  const name = architectureOf(json);
  const architecture = architectures.get(name);
  if (architecture === undefined)
    throw unsupportedConfig(where, `architecture ${name}; supported: ${supportedArchitectures.join(', ')}`);
  refuseOtherMath(fields);

  const dim = sizeField(fields, 'hidden_size');
  const layers = sizeField(fields, 'num_hidden_layers', undefined, layersMax);
  const heads = sizeField(fields, 'num_attention_heads');
  // transformers writes null for "as many as query heads"; a missing key is the class's own default.
  const kvHeadsDefault = json.num_key_value_heads === null ? heads : architecture.kvHeads(heads);
  const kvHeads = sizeField(fields, 'num_key_value_heads', kvHeadsDefault);
  const headDim = sizeField(fields, 'head_dim', Math.floor(dim / heads));
  if (heads % kvHeads !== 0)
    throw malformedConfig(where, `${heads} heads are not a multiple of ${kvHeads} key/value heads`);
  if (headDim % 2 !== 0)
    throw unsupportedConfig(where, `odd head size ${headDim}, rotary position needs pairs`);
  if ((json.head_dim ?? undefined) === undefined && dim % heads !== 0)
    throw malformedConfig(where, `hidden_size ${dim} is not a multiple of ${heads} heads`);

  const rope = parseRope(fields, sizeField(fields, 'max_position_embeddings', architecture.maxSeq));
  const vocab = sizeField(fields, 'vocab_size');
  const isLlama = name === 'LlamaForCausalLM';
  const biases = {
    attention: booleanField(fields, 'attention_bias', false),
    mlp: booleanField(fields, 'mlp_bias', false),
  };
  if (!isLlama && biases.mlp) throw unsupportedConfig(where, `mlp_bias true in ${name}`);
  if (name === 'MistralForCausalLM' && biases.attention)
    throw unsupportedConfig(where, `attention_bias true in ${name}`);
  return {
    dim,
    layers,
    heads,
    kvHeads,
    headDim,
    ffn: sizeField(fields, 'intermediate_size'),
    vocab,
    maxSeq: Math.min(rope.maxSeq, architecture.slidingWindow(fields, layers) ?? rope.maxSeq),
    ropeTheta: rope.theta,
    ropeScaling: rope.scaling,
    rmsEps: positiveField(fields, 'rms_norm_eps', 1e-6),
    tied: booleanField(fields, 'tie_word_embeddings', false),
    qkvBias: name === 'Qwen2ForCausalLM' || biases.attention,
    outputBias: (isLlama && biases.attention) || undefined,
    mlpBias: biases.mlp || undefined,
    bosId: idListField(fields, 'bos_token_id')[0],
    eosIds: idListField(fields, 'eos_token_id'),
  };
}

/** The config.json of a model this project made itself. Inverse of {@link parseModelConfig}. */
export function toConfigJson(config: LlamaConfig): Readonly<Record<string, unknown>> {
  const { qkvBias, outputBias = false, mlpBias = false } = config;
  if ((outputBias && !qkvBias) || (qkvBias && !outputBias && mlpBias))
    throw new Error('bug: no architecture has biases on these projections only');
  const isQwen2 = qkvBias && !outputBias;
  return {
    architectures: [isQwen2 ? 'Qwen2ForCausalLM' : 'LlamaForCausalLM'],
    model_type: isQwen2 ? 'qwen2' : 'llama',
    attention_bias: outputBias,
    mlp_bias: mlpBias,
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
    rope_scaling: ropeScalingJson(config.ropeScaling),
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
  return typeof listed === 'string' ? listed : `(none listed, model_type ${show(json.model_type)})`;
}

function refuseOtherMath({ json, where }: ConfigFields): void {
  if ((json.hidden_act ?? 'silu') !== 'silu')
    throw unsupportedConfig(where, `hidden_act ${show(json.hidden_act)}, only silu`);
  if ((json.quantization_config ?? undefined) !== undefined)
    throw unsupportedConfig(
      where,
      'quantised weights (quantization_config); take the folder of the original',
    );
}

/** MistralConfig: 4096 when the key is missing (v0.1), null for none (v0.2 and later). */
function mistralWindow(fields: ConfigFields): number | undefined {
  if (fields.json.sliding_window === null) return undefined;
  return everyLayerFull(fields) ? undefined : sizeField(fields, 'sliding_window', 4096);
}

/** Qwen2Config: a window only where use_sliding_window asks for it, in layers from max_window_layers on. */
function qwen2Window(fields: ConfigFields, layers: number): number | undefined {
  const { json } = fields;
  if (!booleanField(fields, 'use_sliding_window', false) || json.sliding_window === null) return undefined;
  if (everyLayerFull(fields)) return undefined;
  const listed = Array.isArray(json.layer_types);
  if (!listed && typeof json.max_window_layers === 'number' && json.max_window_layers >= layers)
    return undefined;
  return sizeField(fields, 'sliding_window', 4096);
}

/** Newer files list the kind of each layer. */
function everyLayerFull({ json, where }: ConfigFields): boolean {
  const types = json.layer_types ?? undefined;
  if (types === undefined) return false;
  if (!Array.isArray(types)) throw malformedConfig(where, `layer_types is ${show(types)}, expected a list`);
  const other = types.find((type) => type !== 'full_attention' && type !== 'sliding_attention');
  if (other !== undefined)
    throw unsupportedConfig(
      where,
      `layer_types ${show(other)}; supported: full_attention, sliding_attention`,
    );
  return types.every((type) => type === 'full_attention');
}
