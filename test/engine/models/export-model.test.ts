// Models as folders of their own: what is exported is what was there, to the bit; a merged adapter computes what the
// adapter computed; and a folder is whole or not there, whatever happens on the way.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bfloat16FromFloat32,
  float32ForNarrowing,
  float32FromBfloat16,
  float32FromHalf,
  halfFromFloat32,
} from '../../../engine/model/half-float.ts';
import { loadLlamaWeights, projections } from '../../../engine/model/llama-weights.ts';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { loadModelConfig } from '../../../engine/model/model-config.ts';
import { writeSafetensors } from '../../../engine/model/safetensors.ts';
import { type ExportJob, exportModel } from '../../../engine/models/export-model.ts';
import { referenceLogits } from '../../../engine/reference/llama-reference.ts';
import { createServeClient } from '../../../engine/serve/serve-client.ts';
import { writeRandomAdapter } from '../../support/random-adapter.ts';
import { writeRandomModel } from '../../support/random-model.ts';
import { sharedData } from '../model/shared-data.ts';
import { testFolder } from '../model/test-folder.ts';
import { tinyConfig } from '../serve/tiny-llama.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Grouped heads, biases of q, k and v, an untied head, a tokenizer. */
const config = { ...tinyConfig, vocab: 300, tied: false, qkvBias: true };

function model(dtype: 'f32' | 'bf16' = 'f32'): string {
  const folder = join(testFolder(), 'base');
  writeRandomModel(folder, config, { dtype });
  return folder;
}

function adapterFor(seed = 3): string {
  const folder = testFolder();
  writeRandomAdapter(folder, config, { rank: 8, targets: projections, seed });
  return folder;
}

const whole = { shardBytesMax: 5e9, force: false };
const exported = (job: Partial<ExportJob> & { readonly source: string }) =>
  exportModel({ ...whole, out: join(testFolder(), 'out'), ...job });

/** Largest difference of any logit, relative to the largest logit. */
function logitError(found: Float32Array, expected: Float32Array): number {
  const size = Math.max(...expected.map(Math.abs));
  return Math.max(...found.map((value, at) => Math.abs(value - expected[at]))) / size;
}

async function greedy(modelDir: string): Promise<readonly number[]> {
  const client = await createServeClient({ modelDir, threads: 1, weights: 'f32', device: 'cpu', rowsMax: 1 });
  const ids: number[] = [];
  const request = { promptIds: [1, 40, 50, 60], maxTokens: 6, stopIds: [], temperature: 0, seed: 1 };
  for await (const event of client.generate(request)) if (event.type === 'token') ids.push(event.id);
  await client.close();
  return ids;
}

describe('export', () => {
  it.each(['f32', 'bf16'] as const)(
    'of a %s model comes back to the bit and is served alike',
    async (dtype) => {
      const source = model(dtype);
      const { folder, files } = await exported({ source });
      expect(files).toEqual(['model.safetensors']);
      expect(readdirSync(folder)).toEqual(
        expect.arrayContaining(['tokenizer.json', 'tokenizer_config.json']),
      );
      const again = loadModelConfig(folder);
      expect(again).toEqual(loadModelConfig(source));
      expect(loadLlamaWeights(folder, again)).toEqual(loadLlamaWeights(source, again));
      const head = readFileSync(join(folder, 'model.safetensors')).toString('latin1', 8, 200);
      expect(head).toContain('{"__metadata__":{"format":"pt"}');
      if (dtype === 'f32') expect(await greedy(folder)).toEqual(await greedy(source));
    },
  );

  it('in shards of 20 kB has an index that names every tensor once, and the same bits', async () => {
    const source = model();
    const { folder, files, bytes } = await exported({ source, shardBytesMax: 20_000 });
    const shards = files.filter((file) => file.endsWith('.safetensors'));
    expect(shards.length).toBeGreaterThan(4);
    expect(shards[0]).toBe(`model-00001-of-${String(shards.length).padStart(5, '0')}.safetensors`);
    const index = JSON.parse(readFileSync(join(folder, 'model.safetensors.index.json'), 'utf8'));
    expect(index.metadata.total_size).toBe(bytes);
    expect([...new Set(Object.values(index.weight_map))]).toEqual(shards);
    expect(loadLlamaWeights(folder, config)).toEqual(loadLlamaWeights(source, config));
  });

  it('in f16 says so in config.json and halves the bytes', async () => {
    const source = model();
    const full = await exported({ source });
    const half = await exported({ source, dtype: 'f16' });
    expect(half.bytes).toBe(full.bytes / 2);
    const json = JSON.parse(readFileSync(join(half.folder, 'config.json'), 'utf8'));
    expect(json.torch_dtype).toBe('float16');
    const [a, b] = [loadLlamaWeights(half.folder, config), loadLlamaWeights(source, config)];
    for (const [name, { data }] of b) {
      expect(a.get(name)!.data).toEqual(float32FromHalf(halfFromFloat32(data)));
    }
  });

  it('tells in its card where it came from, and keeps the card and the terms of the base', async () => {
    const source = model();
    writeFileSync(join(source, 'README.md'), '---\nlicense: mit\n---\n# Tiny\nMade of noise.\n');
    writeFileSync(join(source, 'LICENSE'), 'Permission is granted');
    const adapter = adapterFor();
    const settings = join(adapter, 'adapter_config.json');
    const recorded = { ...JSON.parse(readFileSync(settings, 'utf8')), base_model_name_or_path: source };
    writeFileSync(settings, JSON.stringify(recorded));
    const { folder } = await exported({ source, adapter });
    const card = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(card).toMatch(/^---\nlicense: mit\n/);
    expect(card).toContain('with a LoRA adapter merged into 14 of its weights');
    expect(card).toMatch(/adapter, SHA-256 \| [0-9a-f]{64} \|/);
    expect(card).toContain(', trained on base |');
    expect(card).toContain('Made of noise.');
    expect(card).not.toContain(source);
    expect(readFileSync(join(folder, 'LICENSE'), 'utf8')).toBe('Permission is granted');
  });
});

describe('merge', () => {
  const ids = [5, 60, 7, 200, 33, 2, 91];

  it('gives the adapter’s logits within 1e-5: grouped heads, biases, untied', async () => {
    const [source, folderOfAdapter] = [model(), adapterFor()];
    const { folder, merged } = await exported({ source, adapter: folderOfAdapter });
    expect(merged).toBe(7 * config.layers);
    const base = loadLlamaWeights(source, config);
    const adapted = referenceLogits(base, config, ids, loadLoraAdapter(folderOfAdapter, config));
    const found = referenceLogits(loadLlamaWeights(folder, config), config, ids);
    expect(logitError(found, adapted)).toBeLessThan(1e-5);
    expect(logitError(referenceLogits(base, config, ids), adapted)).toBeGreaterThan(0.01);
  });

  const real = [sharedData('models/stories260k-hf'), sharedData('models/stories260k-lora-random')];
  it.skipIf(real.includes(undefined))('gives the adapter’s logits within 1e-5: stories260k', async () => {
    const [source = '', folderOfAdapter = ''] = real;
    const { folder } = await exported({ source, adapter: folderOfAdapter, dtype: 'f32' });
    const shape = loadModelConfig(source);
    const adapter = loadLoraAdapter(folderOfAdapter, shape);
    const adapted = referenceLogits(loadLlamaWeights(source, shape), shape, ids, adapter);
    expect(logitError(referenceLogits(loadLlamaWeights(folder, shape), shape, ids), adapted)).toBeLessThan(
      1e-5,
    );
  });

  it('refuses an adapter of another base, and sums that the type cannot hold', async () => {
    const source = model();
    const other = testFolder();
    writeRandomAdapter(other, { ...config, layers: 3 });
    await expect(exported({ source, adapter: other })).rejects.toMatchObject({
      code: 'adapter_shape_mismatch',
    });
    const huge = testFolder();
    writeRandomAdapter(huge, config, { deviation: 3000 });
    const out = join(testFolder(), 'out');
    await expect(exported({ source, adapter: huge, dtype: 'f16', out })).rejects.toMatchObject({
      code: 'weight_overflow',
    });
    expect(readdirSync(join(out, '..'))).toEqual([]);
  });

  it.each([
    ['f16', halfFromFloat32, float32FromHalf],
    ['bf16', bfloat16FromFloat32, float32FromBfloat16],
  ] as const)('rounds a float64 to %s once: no other 16-bit value is nearer', (_, narrow, widen) => {
    const nearness = (x: number, word: number): number => Math.abs(widen(Uint16Array.of(word))[0] - x);
    const check = (x: number): void => {
      const [word] = narrow(float32ForNarrowing(Float64Array.of(x)));
      const best = nearness(x, word);
      expect(best).toBeLessThanOrEqual(Math.min(nearness(x, word - 1), nearness(x, word + 1)));
      const tie = [word - 1, word + 1].some((other) => nearness(x, other) === best);
      if (tie) expect(word % 2).toBe(0);
    };
    // Between two neighbours, a hair to either side of the middle: where rounding twice goes wrong.
    const [low, high] = widen(narrow(Float32Array.of(0.7, 0.7)).map((word, at) => word + at));
    for (const hair of [0, 1e-12, -1e-12]) check((low + high) / 2 + hair);
    fc.assert(fc.property(fc.double({ min: 1e-3, max: 6e4, noNaN: true }), check), { numRuns: 300 });
  });
});

describe('the place of a new folder', () => {
  it('after kill -9 in the middle is as it was; the next run finishes and tidies', async () => {
    const source = model();
    const home = testFolder();
    const out = join(home, 'out');
    const entry = join(root, 'test/engine/models/killed-export-main.ts');
    expect(spawnSync(process.execPath, [entry, source, out]).signal).toBe('SIGKILL');
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(home)).toHaveLength(1); // what was begun
    await exported({ source, out });
    expect(readdirSync(home)).toEqual(['out']);

    const before = readFileSync(join(out, 'model.safetensors'));
    expect(spawnSync(process.execPath, [entry, source, out]).signal).toBe('SIGKILL');
    expect(readFileSync(join(out, 'model.safetensors'))).toEqual(before);
  });

  it('left empty by a process that died while it replaced a model holds that model again', async () => {
    const source = model();
    const home = testFolder();
    const [out, aside] = [
      join(home, 'out'),
      join(home, `out.replaced-${spawnSync(process.execPath, ['-v']).pid}`),
    ];
    await exported({ source, out: aside });
    await expect(exported({ source, out })).rejects.toMatchObject({ code: 'folder_exists' });
    expect(readdirSync(home)).toEqual(['out']);
    await exported({ source, out: aside });
    await exported({ source, out, force: true });
    expect(readdirSync(home)).toEqual(['out']);
  });

  it('that holds a model is replaced with --force only; what is no model never', async () => {
    const source = model();
    const out = join(testFolder(), 'out');
    await exported({ source, out });
    await expect(exported({ source, out })).rejects.toMatchObject({ code: 'folder_exists' });
    await exported({ source, out, force: true, dtype: 'bf16' });
    expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain('| weights | BF16 |');
    const diary = testFolder();
    writeFileSync(join(diary, 'diary.txt'), 'dear diary');
    await expect(exported({ source, out: diary, force: true })).rejects.toMatchObject({
      code: 'folder_exists',
    });
    expect(readdirSync(diary)).toEqual(['diary.txt']);
    await expect(exported({ source, out: source, force: true })).rejects.toMatchObject({
      code: 'export_into_itself',
    });
  });

  it('stays as it was when a weight turns out broken on the way', async () => {
    const source = model();
    const out = join(testFolder(), 'out');
    await exported({ source, out });
    const weights = new Map(loadLlamaWeights(source, config));
    const norm = weights.get('model.norm.weight')!;
    weights.set('model.norm.weight', { ...norm, data: norm.data.map(() => Number.NaN) });
    writeSafetensors(join(source, 'model.safetensors'), weights);
    await expect(exported({ source, out, force: true })).rejects.toMatchObject({
      code: 'weights_not_finite',
    });
    expect(readdirSync(join(out, '..'))).toEqual(['out']);
    expect(loadLlamaWeights(out, config).size).toBe(weights.size);
  });
});

describe('npm run models', () => {
  const cli = (...args: readonly string[]) => {
    const entry = join(root, 'engine/models/models-cli.ts');
    const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], { encoding: 'utf8' });
    return { code: status, out: stdout, err: stderr };
  };

  it('merges and exports, finds a model by its name, and lists both with examples', async () => {
    const home = testFolder();
    const models = join(home, 'models');
    mkdirSync(join(models, 'org'), { recursive: true });
    writeRandomModel(join(models, 'org/base'), config);
    const merged = cli(
      'merge',
      '--dir',
      models,
      '--base',
      'org/base',
      '--adapter',
      adapterFor(),
      '--out',
      join(home, 'm'),
    );
    expect(merged).toMatchObject({
      code: 0,
      out: expect.stringContaining('14 of them merged with the adapter'),
    });
    const again = cli(
      'export',
      join(home, 'm'),
      '--out',
      join(home, 'e'),
      '--dtype',
      'f16',
      '--shard-size',
      '20kB',
      '--json',
    );
    expect(again.code).toBe(0);
    expect(JSON.parse(again.out)).toMatchObject({ type: 'done', dtypes: ['F16'] });
    expect(cli('--help').out).toMatch(/models -- export .* --dtype f16\n.*models -- merge --base/);
  });

  it.each([
    [['merge', '--base', 'x'], 'merge needs --base and --adapter'],
    [['export', root], '--out is missing'],
    [['export', root, '--out', 'x', '--dtype', 'int8'], '--dtype is int8'],
    [['export', root, '--out', 'x', '--shard-size', 'big'], '--shard-size is big'],
    [['export', root, '--out', 'x', '--base', 'y'], 'export takes no --base'],
  ])('%j is a wrong command: exit code 2', (args, message) => {
    expect(cli(...args)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
  });
});
