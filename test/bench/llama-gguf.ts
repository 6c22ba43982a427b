// A Llama-family model, or a LoRA adapter of one, as a GGUF file under llama.cpp's names, from the same f32 values that
// the engine serves. Used by the benchmarks' peer. Names and layouts: convert_hf_to_gguf.py and convert_lora_to_gguf.py
// of https://github.com/ggml-org/llama.cpp. Only plain rotary positions and no biases, which is what the benches use.
// Invariant: llama.cpp rotates neighbouring pairs, Hugging Face the two halves; so the rows of q and k (and of their
// LoRA B) are put in llama.cpp's order. The vocabulary is made up: the peer is fed token ids.

import { type Projection, projectionShape, projections } from '../../engine/model/llama-weights.ts';
import { type LoraAdapter, loraPair } from '../../engine/model/lora-adapter.ts';
import type { LlamaConfig } from '../../engine/model/model-config.ts';
import { type GgufTensor, type GgufType, type GgufValue, writeGguf } from './gguf-writer.ts';

const blockNames: Readonly<Record<Projection, string>> = {
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

/** @param weight values by Hugging Face name */
export function writeLlamaGguf(
  path: string,
  config: LlamaConfig,
  weight: (name: string) => Float32Array,
  type: GgufType,
): void {
  if (config.qkvBias || config.outputBias || config.mlpBias || config.ropeScaling)
    throw new Error('only models without biases and with plain rotary positions are written to GGUF');
  const { dim, vocab } = config;
  const vector = (name: string, from: string): GgufTensor => ({
    name,
    shape: [dim],
    type: 'F32',
    values: () => weight(from),
  });
  const tensors: GgufTensor[] = [
    {
      name: 'token_embd.weight',
      shape: [vocab, dim],
      type,
      values: () => weight('model.embed_tokens.weight'),
    },
  ];
  for (let layer = 0; layer < config.layers; layer++) {
    const from = `model.layers.${layer}`;
    tensors.push(vector(`blk.${layer}.attn_norm.weight`, `${from}.input_layernorm.weight`));
    for (const projection of projections) {
      const shape = projectionShape(config, projection);
      const values = () => llamaRows(config, projection, weight(`${from}.${projection}.weight`), shape[1]);
      tensors.push({ name: `blk.${layer}.${blockNames[projection]}.weight`, shape, type, values });
    }
    tensors.push(vector(`blk.${layer}.ffn_norm.weight`, `${from}.post_attention_layernorm.weight`));
  }
  tensors.push(vector('output_norm.weight', 'model.norm.weight'));
  if (!config.tied)
    tensors.push({
      name: 'output.weight',
      shape: [vocab, dim],
      type,
      values: () => weight('lm_head.weight'),
    });
  writeGguf(path, modelMetadata(config), tensors);
}

export function writeLoraGguf(path: string, config: LlamaConfig, adapter: LoraAdapter): void {
  const tensors: GgufTensor[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    for (const projection of projections) {
      const pair = loraPair(adapter, layer, projection);
      if (pair === undefined) continue;
      const [out, into] = projectionShape(config, projection);
      const name = `blk.${layer}.${blockNames[projection]}.weight`;
      const { rank } = pair;
      tensors.push(
        { name: `${name}.lora_a`, shape: [rank, into], type: 'F32', values: () => pair.a },
        {
          name: `${name}.lora_b`,
          shape: [out, rank],
          type: 'F32',
          values: () => llamaRows(config, projection, pair.b, rank),
        },
      );
    }
  }
  const metadata: Record<string, GgufValue> = {
    'general.architecture': { text: 'llama' },
    'general.type': { text: 'adapter' },
    'adapter.type': { text: 'lora' },
    'adapter.lora.alpha': { f32: adapter.scale * adapter.rank }, // llama.cpp divides by the rank again
  };
  writeGguf(path, metadata, tensors);
}

/** Rows [out, width] in llama.cpp's order: within a head, row 2j + p was row p * headDim / 2 + j. */
export function llamaRows(
  config: LlamaConfig,
  projection: Projection,
  values: Float32Array,
  width: number,
): Float32Array {
  if (projection !== 'self_attn.q_proj' && projection !== 'self_attn.k_proj') return values;
  const { headDim } = config;
  const out = new Float32Array(values.length);
  for (let row = 0; row < values.length / width; row++) {
    const within = row % headDim;
    const from = row - within + (within % 2) * (headDim / 2) + Math.floor(within / 2);
    out.set(values.subarray(from * width, (from + 1) * width), row * width);
  }
  return out;
}

function modelMetadata(config: LlamaConfig): Record<string, GgufValue> {
  const { vocab } = config;
  const special = ['<unk>', '<s>', '</s>'];
  const kinds = new Int32Array(vocab).fill(1); // 1 normal, 2 unknown, 3 control
  kinds.set([2, 3, 3]);
  return {
    'general.architecture': { text: 'llama' },
    'general.name': { text: 'bench' },
    'llama.block_count': { u32: config.layers },
    'llama.context_length': { u32: config.maxSeq },
    'llama.embedding_length': { u32: config.dim },
    'llama.feed_forward_length': { u32: config.ffn },
    'llama.attention.head_count': { u32: config.heads },
    'llama.attention.head_count_kv': { u32: config.kvHeads },
    'llama.attention.key_length': { u32: config.headDim },
    'llama.attention.value_length': { u32: config.headDim },
    'llama.attention.layer_norm_rms_epsilon': { f32: config.rmsEps },
    'llama.rope.dimension_count': { u32: config.headDim },
    'llama.rope.freq_base': { f32: config.ropeTheta },
    'llama.vocab_size': { u32: vocab },
    'tokenizer.ggml.model': { text: 'llama' },
    'tokenizer.ggml.tokens': { texts: Array.from({ length: vocab }, (_, id) => special[id] ?? `t${id}`) },
    'tokenizer.ggml.scores': { f32s: new Float32Array(vocab) },
    'tokenizer.ggml.token_type': { i32s: kinds },
    'tokenizer.ggml.unknown_token_id': { u32: 0 },
    'tokenizer.ggml.bos_token_id': { u32: 1 },
    'tokenizer.ggml.eos_token_id': { u32: 2 },
  };
}
