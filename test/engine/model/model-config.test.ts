// Which models are taken, as what, and which are refused before they could answer wrongly.

import { describe, expect, it } from 'vitest';
import { llamaTensorShapes } from '../../../engine/model/llama-weights.ts';
import { loadModelConfig, parseModelConfig, toConfigJson } from '../../../engine/model/model-config.ts';
import { sharedData } from './shared-data.ts';

const llama = {
  architectures: ['LlamaForCausalLM'],
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  vocab_size: 49152,
  max_position_embeddings: 8192,
  rope_theta: 100000,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 2,
};

describe('model config', () => {
  it('reads a Llama: head size 64 from 576 / 9, defaults where the file is silent', () => {
    expect(parseModelConfig(llama)).toEqual({
      dim: 576,
      layers: 30,
      heads: 9,
      kvHeads: 3,
      headDim: 64,
      ffn: 1536,
      vocab: 49152,
      maxSeq: 8192,
      ropeTheta: 100000,
      rmsEps: 1e-5,
      tied: true,
      qkvBias: false,
      bosId: 1,
      eosIds: [2],
    });
    const { num_key_value_heads: _, rope_theta: __, tie_word_embeddings: ___, ...silent } = llama;
    expect(parseModelConfig(silent)).toMatchObject({ kvHeads: 9, ropeTheta: 10000, tied: false });
  });

  it('reads Qwen2 with biases on q, k and v, and its written but unused sliding window', () => {
    const qwen = parseModelConfig({
      ...llama,
      architectures: ['Qwen2ForCausalLM'],
      use_sliding_window: false,
      sliding_window: 32768,
      eos_token_id: [151645, 151643],
    });
    expect(qwen).toMatchObject({ qkvBias: true, eosIds: [151645, 151643] });
    const names = [...llamaTensorShapes({ ...qwen, layers: 1 }).keys()].filter((name) =>
      name.endsWith('.bias'),
    );
    expect(names.map((name) => name.split('.').at(-2))).toEqual(['q_proj', 'k_proj', 'v_proj']);
  });

  it('reads the newer rope_parameters', () => {
    const { rope_theta: _, ...rest } = llama;
    const newer = { ...rest, rope_parameters: { rope_type: 'default', rope_theta: 5e5 } };
    expect(parseModelConfig(newer).ropeTheta).toBe(5e5);
  });

  it('writes a config that it reads back as the same', () => {
    for (const config of [
      parseModelConfig(llama),
      parseModelConfig({ ...llama, eos_token_id: [2, 6], head_dim: 32 }),
    ])
      expect(parseModelConfig(toConfigJson(config))).toEqual(config);
  });

  it.each([
    [{ architectures: ['GPT2LMHeadModel'] }, /architecture GPT2LMHeadModel; supported: LlamaForCausalLM/],
    [{ architectures: undefined, model_type: 'bert' }, /none listed, model_type "bert"/],
    [
      { rope_scaling: { type: 'longrope', factor: 2 } },
      /rope_scaling of type "longrope"; supported: default, lin/,
    ],
    [{ rope_parameters: { rope_type: 'mrope' } }, /rope_parameters of type "mrope"/],
    [{ rope_parameters: { full_attention: { rope_type: 'default' } } }, /differs by layer type/],
    [{ architectures: ['MistralForCausalLM'], layer_types: ['chunked_attention'] }, /layer_types "chunked/],
    [{ architectures: ['MistralForCausalLM'], attention_bias: true }, /attention_bias true in Mistral/],
    [{ architectures: ['Qwen2ForCausalLM'], mlp_bias: true }, /mlp_bias true in Qwen2/],
    [{ hidden_act: 'gelu' }, /hidden_act "gelu"/],
    [{ quantization_config: { quant_method: 'gptq' } }, /quantised weights/],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor 0.5/],
    [{ head_dim: 7 }, /odd head size 7/],
  ])('refuses %j', (change, message) => {
    expect(() => parseModelConfig({ ...llama, ...change })).toThrow(
      expect.objectContaining({ code: 'config_unsupported', message: expect.stringMatching(message) }),
    );
  });

  it.each([
    [{ hidden_size: undefined }, /hidden_size is undefined/],
    [{ num_hidden_layers: '30' }, /num_hidden_layers is "30"/],
    [{ num_key_value_heads: 2 }, /9 heads are not a multiple of 2/],
    [{ num_attention_heads: 7, num_key_value_heads: 7 }, /not a multiple of 7 heads/],
    [{ rms_norm_eps: 0 }, /rms_norm_eps is 0/],
    [{ eos_token_id: 'end' }, /eos_token_id is "end"/],
  ])('calls %j malformed', (change, message) => {
    expect(() => parseModelConfig({ ...llama, ...change })).toThrow(
      expect.objectContaining({ code: 'config_malformed', message: expect.stringMatching(message) }),
    );
  });

  const folder = sharedData('models/stories260k-hf');
  it.skipIf(folder === undefined)('reads a real folder: 5 layers of width 64, 8 heads on 4', () => {
    expect(loadModelConfig(folder!)).toMatchObject({
      dim: 64,
      layers: 5,
      heads: 8,
      kvHeads: 4,
      headDim: 8,
      vocab: 512,
    });
  });
});
