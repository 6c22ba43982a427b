// Adapters on disk: what is written is read back, what would not be served as trained is refused.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Projection, projectionShape, projections } from '../../../engine/model/llama-weights.ts';
import {
  foldLoraScale,
  type LoraAdapter,
  loadLoraAdapter,
  loraPair,
  loraTensorName,
  saveLoraAdapter,
} from '../../../engine/model/lora-adapter.ts';
import { loadModelConfig, parseModelConfig } from '../../../engine/model/model-config.ts';
import { readSafetensors, writeSafetensors } from '../../../engine/model/safetensors.ts';
import { sharedData } from './shared-data.ts';
import { testFolder } from './test-folder.ts';

const config = parseModelConfig({
  architectures: ['LlamaForCausalLM'],
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 16,
});

function adapterOf(rank: number, targets: readonly Projection[], alpha = 2 * rank): LoraAdapter {
  const weights = new Map();
  for (let layer = 0; layer < config.layers; layer++)
    for (const projection of targets) {
      const [out, into] = projectionShape(config, projection);
      const fill = (size: number, seed: number) =>
        Float32Array.from({ length: size }, (_, i) => Math.sin(i + seed));
      weights.set(loraTensorName(layer, projection, 'A'), {
        shape: [rank, into],
        data: fill(rank * into, layer),
      });
      weights.set(loraTensorName(layer, projection, 'B'), {
        shape: [out, rank],
        data: fill(out * rank, layer + 1),
      });
    }
  return { rank, alpha, scale: alpha / rank, targets, base: 'tiny', weights };
}

/** Saves a good adapter, spoils one thing, and gives the folder. */
function spoiled(spoil: (folder: string) => void): string {
  const folder = testFolder();
  saveLoraAdapter(folder, adapterOf(2, ['self_attn.q_proj', 'self_attn.v_proj']));
  spoil(folder);
  return folder;
}
const changeConfig = (change: object) => (folder: string) => {
  const path = join(folder, 'adapter_config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
};
const changeTensors =
  (change: (tensors: Map<string, { shape: readonly number[]; data: Float32Array }>) => void) =>
  (folder: string) => {
    const path = join(folder, 'adapter_model.safetensors');
    const tensors = new Map(readSafetensors(path));
    change(tensors);
    writeSafetensors(path, tensors);
  };

describe('lora adapter', () => {
  it('comes back from its folder as it was, any rank and targets, 50 random adapters', () => {
    const folder = testFolder();
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.subarray([...projections], { minLength: 1 }),
        (rank, targets) => {
          const adapter = adapterOf(rank, targets);
          saveLoraAdapter(folder, adapter);
          expect(loadLoraAdapter(folder, config)).toMatchObject({ ...adapter, weights: expect.any(Map) });
          expect(loadLoraAdapter(folder, config).weights).toEqual(adapter.weights);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('writes the names and settings that PEFT and vLLM read', () => {
    const folder = testFolder();
    saveLoraAdapter(folder, adapterOf(2, ['self_attn.q_proj', 'mlp.down_proj']));
    expect([...readSafetensors(join(folder, 'adapter_model.safetensors')).keys()].slice(0, 2)).toEqual([
      'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
      'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight',
    ]);
    expect(JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8'))).toMatchObject({
      peft_type: 'LORA',
      r: 2,
      lora_alpha: 4,
      target_modules: ['q_proj', 'down_proj'],
      bias: 'none',
      modules_to_save: null,
      use_dora: false,
    });
  });

  it('scales by alpha / rank, by alpha / sqrt(rank) when rank-stabilised, and folds either into B', () => {
    const adapter = adapterOf(4, ['self_attn.q_proj'], 8);
    const folder = testFolder();
    saveLoraAdapter(folder, { ...adapter, scale: 8 / Math.sqrt(4) });
    const loaded = loadLoraAdapter(folder, config);
    expect(loaded.scale).toBe(4);
    const folded = foldLoraScale(loaded);
    expect(folded.scale).toBe(1);
    const [plain, scaled] = [loaded, folded].map((each) => loraPair(each, 1, 'self_attn.q_proj')!);
    expect(scaled.a).toEqual(plain.a);
    expect(scaled.b).toEqual(plain.b.map((value) => value * 4));
    expect(loraPair(loaded, 1, 'mlp.up_proj')).toBeUndefined();
  });

  it.each([
    ['another method', changeConfig({ peft_type: 'IA3' }), 'adapter_unsupported'],
    ['DoRA', changeConfig({ use_dora: true }), 'adapter_unsupported'],
    ['trained biases', changeConfig({ bias: 'all' }), 'adapter_unsupported'],
    ['saved modules', changeConfig({ modules_to_save: ['lm_head'] }), 'adapter_unsupported'],
    [
      'a rank by layer that the file does not have',
      changeConfig({ rank_pattern: { q_proj: 4 } }),
      'adapter_shape_mismatch',
    ],
    ['a rank of nothing', changeConfig({ rank_pattern: { q_proj: 0 } }), 'adapter_malformed'],
    ['a strength that is no number', changeConfig({ alpha_pattern: { q_proj: '4' } }), 'adapter_malformed'],
    ['a foreign regular expression', changeConfig({ rank_pattern: { '(.+)+x': 4 } }), 'adapter_unsupported'],
    ['biases of LoRA', changeConfig({ lora_bias: true }), 'adapter_unsupported'],
    ['trained token embeddings', changeConfig({ trainable_token_indices: [5] }), 'adapter_unsupported'],
    ['trained parameters', changeConfig({ target_parameters: ['a.b'] }), 'adapter_unsupported'],
    ['repeated layers', changeConfig({ layer_replication: [[0, 2]] }), 'adapter_unsupported'],
    [
      'a start that changes the base',
      changeConfig({ init_lora_weights: 'pissa_niter_4' }),
      'adapter_unsupported',
    ],
    [
      'embeddings',
      changeTensors((tensors) =>
        tensors.set('base_model.model.model.embed_tokens.lora_embedding_A', {
          shape: [2, 16],
          data: new Float32Array(32),
        }),
      ),
      'adapter_unsupported',
    ],
    [
      'an unknown target',
      changeConfig({ target_modules: ['q_proj', 'v_proj', 'lm_head'] }),
      'adapter_unsupported',
    ],
    [
      'a target without weights',
      changeConfig({ target_modules: ['q_proj', 'v_proj', 'k_proj'] }),
      'adapter_malformed',
    ],
    ['weights without a target', changeConfig({ target_modules: ['q_proj'] }), 'adapter_malformed'],
    ['no rank', changeConfig({ r: undefined }), 'adapter_malformed'],
    ['a wrong rank', changeConfig({ r: 3 }), 'adapter_shape_mismatch'],
    [
      'half a pair',
      changeTensors((tensors) =>
        tensors.delete('base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight'),
      ),
      'adapter_malformed',
    ],
    [
      'a layer the base does not have',
      changeTensors((tensors) =>
        tensors.set('base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight', {
          shape: [2, 8],
          data: new Float32Array(16),
        }),
      ),
      'adapter_shape_mismatch',
    ],
    [
      'a full weight',
      changeTensors((tensors) =>
        tensors.set('base_model.model.lm_head.weight', { shape: [1], data: new Float32Array(1) }),
      ),
      'adapter_unsupported',
    ],
    ['no tensors', changeTensors((tensors) => tensors.clear()), 'adapter_malformed'],
  ])('refuses %s', (_, spoil, code) => {
    expect(() => loadLoraAdapter(spoiled(spoil), config)).toThrow(
      expect.objectContaining({ code, retry: 'never' }),
    );
  });

  it('takes targets given as a pattern, and names with the adapter in the middle', () => {
    const folder = spoiled((path) => {
      changeConfig({ target_modules: '.*_proj' })(path);
      changeTensors((tensors) => {
        for (const [name, tensor] of [...tensors]) {
          tensors.delete(name);
          tensors.set(name.replace('.weight', '.default.weight'), tensor);
        }
      })(path);
    });
    expect(loadLoraAdapter(folder, config).targets).toEqual(['self_attn.q_proj', 'self_attn.v_proj']);
  });

  const real = sharedData('models/stories260k-lora-random');
  it.skipIf(real === undefined)('reads a real PEFT folder: rank 8, scale 2, 40 tensors', () => {
    const base = loadModelConfig(sharedData('models/stories260k-hf')!);
    const adapter = loadLoraAdapter(real!, base);
    expect(adapter).toMatchObject({ rank: 8, scale: 2, base: 'stories260k-hf' });
    expect(adapter.weights.size).toBe(40);
  });
});
