// The config.json of published models, by family: the facts of their files that decide what is computed. Used by the
// family tests, which read them as they are and serve them with every size made small.
import { isRecord } from '../../../engine/model/json-file.ts';
import { parseModelConfig } from '../../../engine/model/model-config.ts';

const llama = { architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_act: 'silu' };
const mistral = { architectures: ['MistralForCausalLM'], model_type: 'mistral', hidden_act: 'silu' };
const qwen2 = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', hidden_act: 'silu' };
const llama3Rope = {
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
  rope_type: 'llama3',
};

const sizes = (dim: number, ffn: number, layers: number, heads: number, kvHeads: number, vocab: number) => ({
  hidden_size: dim,
  intermediate_size: ffn,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: kvHeads,
  vocab_size: vocab,
});

export const publishedConfigs = {
  'Llama 2 7B': {
    ...llama,
    ...sizes(4096, 11008, 32, 32, 32, 32000),
    ...{ max_position_embeddings: 4096, rms_norm_eps: 1e-5, rope_scaling: null, tie_word_embeddings: false },
    ...{ bos_token_id: 1, eos_token_id: 2, pretraining_tp: 1, torch_dtype: 'float16' },
  },
  'Llama 3 8B': {
    ...llama,
    ...sizes(4096, 14336, 32, 32, 8, 128256),
    ...{ max_position_embeddings: 8192, rms_norm_eps: 1e-5, rope_theta: 500000, rope_scaling: null },
    ...{ attention_bias: false, tie_word_embeddings: false, bos_token_id: 128000, eos_token_id: 128009 },
  },
  'Llama 3.1 8B': {
    ...llama,
    ...sizes(4096, 14336, 32, 32, 8, 128256),
    ...{ max_position_embeddings: 131072, rms_norm_eps: 1e-5, rope_theta: 500000, mlp_bias: false },
    ...{ rope_scaling: { factor: 8, ...llama3Rope }, attention_bias: false, tie_word_embeddings: false },
    ...{ bos_token_id: 128000, eos_token_id: [128001, 128008, 128009] },
  },
  'Llama 3.2 1B': {
    ...llama,
    ...sizes(2048, 8192, 16, 32, 8, 128256),
    ...{ max_position_embeddings: 131072, rms_norm_eps: 1e-5, rope_theta: 500000, head_dim: 64 },
    ...{ rope_scaling: { factor: 32, ...llama3Rope }, attention_bias: false, tie_word_embeddings: true },
    ...{ bos_token_id: 128000, eos_token_id: [128001, 128008, 128009] },
  },
  'Llama 3.2 3B': {
    ...llama,
    ...sizes(3072, 8192, 28, 24, 8, 128256),
    ...{ max_position_embeddings: 131072, rms_norm_eps: 1e-5, rope_theta: 500000, head_dim: 128 },
    ...{ rope_scaling: { factor: 32, ...llama3Rope }, attention_bias: false, tie_word_embeddings: true },
    ...{ bos_token_id: 128000, eos_token_id: [128001, 128008, 128009] },
  },
  'Mistral 7B v0.1': {
    ...mistral,
    ...sizes(4096, 14336, 32, 32, 8, 32000),
    ...{ max_position_embeddings: 32768, rms_norm_eps: 1e-5, rope_theta: 10000, sliding_window: 4096 },
    ...{ tie_word_embeddings: false, bos_token_id: 1, eos_token_id: 2 },
  },
  'Mistral 7B v0.3': {
    ...mistral,
    ...sizes(4096, 14336, 32, 32, 8, 32768),
    ...{ max_position_embeddings: 32768, rms_norm_eps: 1e-5, rope_theta: 1e6, sliding_window: null },
    ...{ tie_word_embeddings: false, bos_token_id: 1, eos_token_id: 2 },
  },
  'Mistral Nemo 12B': {
    ...mistral,
    ...sizes(5120, 14336, 40, 32, 8, 131072),
    ...{ max_position_embeddings: 131072, rms_norm_eps: 1e-5, rope_theta: 1e6, sliding_window: null },
    ...{ head_dim: 128, tie_word_embeddings: false, bos_token_id: 1, eos_token_id: 2 },
  },
  'Qwen2 0.5B': {
    ...qwen2,
    ...sizes(896, 4864, 24, 14, 2, 151936),
    ...{ max_position_embeddings: 32768, rms_norm_eps: 1e-6, rope_theta: 1e6, sliding_window: 32768 },
    ...{ use_sliding_window: false, max_window_layers: 24, tie_word_embeddings: true },
    ...{ bos_token_id: 151643, eos_token_id: 151645 },
  },
  'Qwen2.5 7B with yarn': {
    ...qwen2,
    ...sizes(3584, 18944, 28, 28, 4, 152064),
    ...{ max_position_embeddings: 32768, rms_norm_eps: 1e-6, rope_theta: 1e6, sliding_window: 131072 },
    ...{ use_sliding_window: false, max_window_layers: 28, tie_word_embeddings: false },
    ...{ rope_scaling: { factor: 4, original_max_position_embeddings: 32768, type: 'yarn' } },
    ...{ bos_token_id: 151643, eos_token_id: 151645 },
  },
  'SmolLM2 135M': {
    ...llama,
    ...sizes(576, 1536, 30, 9, 3, 49152),
    ...{ max_position_embeddings: 8192, rms_norm_eps: 1e-5, rope_theta: 100000, rope_scaling: null },
    ...{ rope_interleaved: false, attention_bias: false, mlp_bias: false, tie_word_embeddings: true },
    ...{ bos_token_id: 1, eos_token_id: 2, pad_token_id: 2 },
  },
  'SmolLM2 1.7B': {
    ...llama,
    ...sizes(2048, 8192, 24, 32, 32, 49152),
    ...{ max_position_embeddings: 8192, rms_norm_eps: 1e-5, rope_theta: 130000, rope_scaling: null },
    ...{ attention_bias: false, mlp_bias: false, tie_word_embeddings: true },
    ...{ bos_token_id: 1, eos_token_id: 2 },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export type PublishedName = keyof typeof publishedConfigs;

/** What a test may ask for beyond the published file. */
export interface TinyChange {
  readonly headDim?: number;
  readonly kvHeads?: number;
  /** query heads for each key head */
  readonly ratio?: number;
  readonly json?: Readonly<Record<string, unknown>>;
}

/**
 * The published config.json with every size made small, still in its family's own spelling: head size, query heads for
 * each key head, biases, tying and the kind of rotary positions stay. Contexts are cut (4096 -> 96, the rest 256), and
 * the original context of a rope scaling to 32, so that both show within a short text.
 */
export function tinyConfigJson(name: PublishedName, vocab: number, change: TinyChange = {}) {
  const published: Readonly<Record<string, unknown>> = publishedConfigs[name];
  const full = parseModelConfig(published);
  const ratio = change.ratio ?? full.heads / full.kvHeads;
  const kvHeads = change.kvHeads ?? (ratio >= 4 ? 1 : 2);
  const headDim = change.headDim ?? full.headDim;
  const explicit = published.head_dim !== undefined;
  const scaling = published.rope_scaling;
  const original = { original_max_position_embeddings: 32 };
  return {
    ...published,
    ...{ num_hidden_layers: 2, num_attention_heads: ratio * kvHeads, num_key_value_heads: kvHeads },
    ...{ hidden_size: explicit ? 96 : ratio * kvHeads * headDim, intermediate_size: 80, vocab_size: vocab },
    ...(explicit ? { head_dim: headDim } : {}),
    ...{ max_position_embeddings: full.ropeScaling?.kind === 'yarn' ? 32 : 256 },
    ...(typeof published.sliding_window === 'number' ? { sliding_window: 96 } : {}),
    ...(isRecord(scaling) && 'original_max_position_embeddings' in scaling
      ? { rope_scaling: { ...scaling, ...original } }
      : {}),
    ...{ bos_token_id: 1, eos_token_id: 2 },
    ...change.json,
  };
}
