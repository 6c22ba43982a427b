// Published config.json files are read as what they are: sizes, biases, rotary positions, contexts, end ids.
import { describe, expect, it } from 'vitest';
import { hasBias, llamaTensorShapes } from '../../../engine/model/llama-weights.ts';
import { parseModelConfig } from '../../../engine/model/model-config.ts';
import { type PublishedName, publishedConfigs } from './published-configs.ts';

/** Parameters, which the models' cards tell too. */
function parameters(name: PublishedName): number {
  const shapes = [...llamaTensorShapes(parseModelConfig(publishedConfigs[name])).values()];
  return shapes.reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

describe('published config.json', () => {
  it.each<[PublishedName, number]>([
    ['Llama 2 7B', 6_738_415_616],
    ['Llama 3 8B', 8_030_261_248],
    ['Llama 3.1 8B', 8_030_261_248],
    ['Llama 3.2 1B', 1_235_814_400],
    ['Llama 3.2 3B', 3_212_749_824],
    ['Mistral 7B v0.1', 7_241_732_096],
    ['Mistral 7B v0.3', 7_248_023_552],
    ['Mistral Nemo 12B', 12_247_782_400],
    ['Qwen2 0.5B', 494_032_768],
    ['Qwen2.5 7B with yarn', 7_615_616_512],
    ['SmolLM2 135M', 134_515_008],
    ['SmolLM2 1.7B', 1_711_376_384],
  ])('%s has %i parameters, as its card says', (name, count) => {
    expect(parameters(name)).toBe(count);
  });

  it.each<[PublishedName, object]>([
    ['Llama 2 7B', { headDim: 128, kvHeads: 32, ropeTheta: 10000, ropeScaling: undefined, maxSeq: 4096 }],
    ['Llama 3 8B', { headDim: 128, kvHeads: 8, ropeTheta: 500000, ropeScaling: undefined, eosIds: [128009] }],
    ['Llama 3.1 8B', { ropeScaling: expect.objectContaining({ kind: 'llama3', factor: 8 }), maxSeq: 131072 }],
    ['Llama 3.2 1B', { headDim: 64, tied: true, eosIds: [128001, 128008, 128009] }],
    ['Mistral 7B v0.1', { maxSeq: 4096, qkvBias: false }],
    ['Mistral 7B v0.3', { maxSeq: 32768 }],
    ['Mistral Nemo 12B', { dim: 5120, heads: 32, headDim: 128 }],
    ['Qwen2 0.5B', { headDim: 64, qkvBias: true, maxSeq: 32768, ropeScaling: undefined }],
    [
      'Qwen2.5 7B with yarn',
      { maxSeq: 131072, ropeScaling: expect.objectContaining({ kind: 'yarn', betaFast: 32 }) },
    ],
    ['SmolLM2 135M', { headDim: 64, kvHeads: 3, tied: true, ropeTheta: 100000, qkvBias: false }],
  ])('%s is read as %j', (name, expected) => {
    expect(parseModelConfig(publishedConfigs[name])).toMatchObject(expected);
  });

  it('puts biases where each architecture has them, and nowhere else', () => {
    const biased = (change: object, name: PublishedName = 'Llama 3 8B') => {
      const config = parseModelConfig({ ...publishedConfigs[name], ...change });
      const some = ['self_attn.q_proj', 'self_attn.o_proj', 'mlp.down_proj'] as const;
      return some.filter((projection) => hasBias(config, projection));
    };
    expect(biased({})).toEqual([]);
    expect(biased({ attention_bias: true })).toEqual(['self_attn.q_proj', 'self_attn.o_proj']);
    expect(biased({ mlp_bias: true })).toEqual(['mlp.down_proj']);
    expect(biased({}, 'Qwen2 0.5B')).toEqual(['self_attn.q_proj']);
    expect(biased({}, 'Mistral 7B v0.1')).toEqual([]);
  });

  it('ends the context at a sliding window, in whichever layers it is', () => {
    const maxSeq = (name: PublishedName, change: object) =>
      parseModelConfig({ ...publishedConfigs[name], ...change }).maxSeq;
    const [sliding, full] = ['sliding_attention', 'full_attention'];
    expect(maxSeq('Mistral 7B v0.1', { sliding_window: undefined })).toBe(4096);
    expect(maxSeq('Mistral 7B v0.1', { layer_types: [full, full] })).toBe(32768);
    expect(maxSeq('Mistral 7B v0.1', { layer_types: [full, sliding] })).toBe(4096);
    expect(maxSeq('Qwen2 0.5B', { use_sliding_window: true, sliding_window: 512 })).toBe(32768);
    const early = { use_sliding_window: true, sliding_window: 512, max_window_layers: 21 };
    expect(maxSeq('Qwen2 0.5B', early)).toBe(512);
    expect(maxSeq('Qwen2 0.5B', { ...early, use_sliding_window: false })).toBe(32768);
    expect(maxSeq('Qwen2 0.5B', { ...early, sliding_window: null })).toBe(32768);
    expect(maxSeq('Llama 3 8B', { sliding_window: 512 })).toBe(8192);
  });
});
