// The config.json of published models, by family: the facts of their files that decide what is computed. Used by the
// family tests, which read them as they are and serve them with every size made small (`tinyOf`).
import { type LlamaConfig, parseModelConfig } from '../../../engine/model/model-config.ts';

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

/**
 * The same model with few layers and narrow matrices: head size, query heads for each key head, biases, tying and the
 * kind of rotary positions stay; its original context is cut to 32, so that scaling shows within a short text.
 */
export function tinyOf(name: PublishedName, vocab: number): LlamaConfig {
  const full = parseModelConfig(publishedConfigs[name]);
  const kvHeads = full.kvHeads === full.heads ? 3 : 2;
  const scaling = full.ropeScaling;
  return {
    ...full,
    ...{ dim: 48, layers: 2, ffn: 80, vocab, maxSeq: Math.min(full.maxSeq, 256) },
    kvHeads,
    heads: (full.heads / full.kvHeads) * kvHeads,
    ropeScaling: scaling && 'originalMaxSeq' in scaling ? { ...scaling, originalMaxSeq: 32 } : scaling,
    bosId: 1,
    eosIds: [2],
  };
}
