// Adapters as PEFT and vLLM know them: the names and fields below are written out from their sources (PEFT
// docs/source/developer_guides/checkpoint.md, src/peft/tuners/lora/config.py, src/peft/utils/other.py; vLLM
// vllm/lora/peft_helper.py and vllm/lora/utils.py), not made by our own code.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectionShape, projections } from '../../../engine/model/llama-weights.ts';
import { loadLoraAdapter, loraPair, saveLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { readSafetensors, type TensorMap, writeSafetensors } from '../../../engine/model/safetensors.ts';
import { readAdapter } from '../../../engine/serve/read-adapter.ts';
import { gaussianArray, seededRandom } from '../../../engine/train/training-random.ts';
import { createTrainingSession } from '../../../engine/train/training-session.ts';
import { writeRandomAdapter } from '../../support/random-adapter.ts';
import { randomWeights, tinyConfig } from '../serve/tiny-llama.ts';
import { testFolder } from './test-folder.ts';

const config = { ...tinyConfig, layers: 1 };
const layer0 = 'base_model.model.model.layers.0.';

/** What `model.save_pretrained` writes for a Llama with LoRA on all linear layers. */
const peftNames = [
  `${layer0}self_attn.q_proj.lora_A.weight`,
  `${layer0}self_attn.q_proj.lora_B.weight`,
  `${layer0}self_attn.k_proj.lora_A.weight`,
  `${layer0}self_attn.k_proj.lora_B.weight`,
  `${layer0}self_attn.v_proj.lora_A.weight`,
  `${layer0}self_attn.v_proj.lora_B.weight`,
  `${layer0}self_attn.o_proj.lora_A.weight`,
  `${layer0}self_attn.o_proj.lora_B.weight`,
  `${layer0}mlp.gate_proj.lora_A.weight`,
  `${layer0}mlp.gate_proj.lora_B.weight`,
  `${layer0}mlp.up_proj.lora_A.weight`,
  `${layer0}mlp.up_proj.lora_B.weight`,
  `${layer0}mlp.down_proj.lora_A.weight`,
  `${layer0}mlp.down_proj.lora_B.weight`,
];

/** vLLM's parse_fine_tuned_lora_name: the module between the prefix and the half, or an error. */
function vllmModule(name: string): string {
  const parts = name.split('.');
  const isPair = parts.at(-1) === 'weight' && /^lora_[AB]$/.test(parts.at(-2)!);
  if (parts[0] !== 'base_model' || parts[1] !== 'model' || !isPair) throw new Error(`unsupported ${name}`);
  return parts.slice(2, -2).join('.');
}

/** The adapter_config.json of PEFT 0.14 for a Llama, as save_pretrained leaves it. */
const peftSettings = {
  alpha_pattern: {},
  auto_mapping: null,
  base_model_name_or_path: 'org/base',
  bias: 'none',
  eva_config: null,
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_alpha: 16,
  lora_bias: false,
  lora_dropout: 0.05,
  megatron_config: null,
  megatron_core: 'megatron.core',
  modules_to_save: null,
  peft_type: 'LORA',
  r: 8,
  rank_pattern: {},
  revision: null,
  target_modules: ['down_proj', 'q_proj', 'v_proj', 'k_proj', 'o_proj', 'up_proj', 'gate_proj'],
  task_type: 'CAUSAL_LM',
  use_dora: false,
  use_rslora: false,
};

/** A folder of theirs, with ranks by module where given. */
function peftFolder(settings: object, rankOf: (name: string) => number = () => 8): string {
  const random = seededRandom(5);
  const tensors = new Map();
  for (const projection of projections) {
    const [out, into] = projectionShape(config, projection);
    const rank = rankOf(projection);
    const put = (half: string, shape: readonly [number, number]) =>
      tensors.set(`${layer0}${projection}.lora_${half}.weight`, {
        shape,
        data: gaussianArray(shape[0] * shape[1], 0.1, random),
      });
    put('A', [rank, into]);
    put('B', [out, rank]);
  }
  const folder = testFolder();
  writeSafetensors(join(folder, 'adapter_model.safetensors'), tensors);
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify({ ...peftSettings, ...settings }));
  return folder;
}

/** s B A of one module, straight from a folder's tensors. */
function product(tensors: TensorMap, module: string, scale: number): readonly number[] {
  const a = tensors.get(`${layer0}${module}.lora_A.weight`)!;
  const b = tensors.get(`${layer0}${module}.lora_B.weight`)!;
  return multiplied(a.data, b.data, a.shape[0], scale);
}
function multiplied(a: Float32Array, b: Float32Array, rank: number, scale: number): readonly number[] {
  const into = a.length / rank;
  return Array.from({ length: (b.length / rank) * into }, (_, at) => {
    const [row, column] = [Math.floor(at / into), at % into];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += b[row * rank + r] * a[r * into + column];
    return scale * sum;
  });
}

describe('a folder of ours', () => {
  it.each([8, 16, 32, 64])('of rank %i has the names and fields of PEFT, and what vLLM reads', (rank) => {
    const folder = testFolder();
    const theirs = testFolder();
    writeRandomAdapter(theirs, config, { rank, targets: projections });
    saveLoraAdapter(folder, loadLoraAdapter(theirs, config));
    const tensors = readSafetensors(join(folder, 'adapter_model.safetensors'));
    expect([...tensors.keys()]).toEqual(peftNames);
    for (const name of tensors.keys()) expect(vllmModule(name)).toMatch(/^model\.layers\.0\.\w+\.\w+_proj$/);
    const settings = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8'));
    for (const key of Object.keys(settings)) expect(Object.keys(peftSettings)).toContain(key);
    expect(settings).toMatchObject({ r: rank, lora_alpha: 2 * rank, bias: 'none', use_rslora: false });
  });

  it('of PEFT comes back to the bit after loading and saving here', () => {
    const theirs = peftFolder({ use_rslora: true });
    const ours = testFolder();
    saveLoraAdapter(ours, loadLoraAdapter(theirs, config));
    const file = 'adapter_model.safetensors';
    expect(readSafetensors(join(ours, file))).toEqual(readSafetensors(join(theirs, file)));
    const settings = JSON.parse(readFileSync(join(ours, 'adapter_config.json'), 'utf8'));
    expect(settings).toMatchObject({ r: 8, lora_alpha: 16, use_rslora: true });
  });
});

describe('ranks and strengths by module', () => {
  const patterns = {
    rank_pattern: { 'layers.0.self_attn.q_proj': 4, '^model.layers.0.mlp.down_proj': 12 },
    alpha_pattern: { 'self_attn.q_proj': 2, mlp: 7 },
  };
  const rankOf = (name: string): number =>
    name === 'self_attn.q_proj' ? 4 : name === 'mlp.down_proj' ? 12 : 8;

  it.each([false, true])('rank-stabilised %s: every module computes what PEFT computes', (use_rslora) => {
    const folder = peftFolder({ ...patterns, use_rslora }, rankOf);
    const adapter = loadLoraAdapter(folder, config);
    expect(adapter.rank).toBe(12);
    const tensors = readSafetensors(join(folder, 'adapter_model.safetensors'));
    for (const projection of projections) {
      const rank = rankOf(projection);
      const alpha = projection === 'self_attn.q_proj' ? 2 : 16; // `mlp` is no module's last part
      const expected = product(tensors, projection, alpha / (use_rslora ? Math.sqrt(rank) : rank));
      const pair = loraPair(adapter, 0, projection)!;
      const found = multiplied(pair.a, pair.b, pair.rank, pair.scale);
      const error = Math.max(...found.map((value, at) => Math.abs(value - expected[at])));
      expect(error).toBeLessThan(1e-6);
    }
  });

  it('are served: the pool packs the larger rank', async () => {
    const folder = peftFolder(patterns, rankOf);
    const read = (rankMax: number) =>
      readAdapter({ key: 'a', folder, config, rankMax, buffer: { bytes: new Uint8Array(0) } });
    expect((await read(128)).rank).toBe(12);
    await expect(read(8)).rejects.toMatchObject({ code: 'adapter_rank_too_large' });
  });

  it('are trained on: what was padded has no gradient, so each module keeps its rank', async () => {
    const adapter = loadLoraAdapter(peftFolder(patterns, rankOf), config);
    const [batch, seq] = [1, 9];
    const session = await createTrainingSession({
      ...{ config, batch, seq, gradients: 'lora', lora: adapter, loraScale: adapter.scale },
      weights: new Map([...randomWeights(config), ...adapter.weights]),
    });
    const ids = BigInt64Array.from({ length: seq }, (_, at) => BigInt(3 + at));
    const { gradients } = await session.run({ ids, labels: ids, weights: new Float32Array(seq).fill(1) });
    await session.release();
    const a = gradients.get('model.layers.0.self_attn.q_proj.lora_A.weight')!;
    const b = gradients.get('model.layers.0.self_attn.q_proj.lora_B.weight')!;
    expect(a.subarray(0, 4 * config.dim).some((value) => value !== 0)).toBe(true);
    expect(a.subarray(4 * config.dim).every((value) => value === 0)).toBe(true);
    expect(b.every((value, at) => (at % 12 < 4 ? value !== 0 : value === 0))).toBe(true);
  });
});

it.each(['f16', 'bf16'] as const)('tensors of %s are widened exactly', (dtype) => {
  const folder = testFolder();
  writeRandomAdapter(folder, config, { dtype, rank: 8 });
  const { weights } = loadLoraAdapter(folder, config);
  const again = testFolder();
  saveLoraAdapter(again, loadLoraAdapter(folder, config));
  expect(loadLoraAdapter(again, config).weights).toEqual(weights);
});
