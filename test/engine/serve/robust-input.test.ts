// The engine given what it cannot use: adapters and bases that are broken in every way, prompts of every wrong size,
// settings out of range. Each is refused by name, and the engine answers as before. See robust.test.ts.
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AdapterRef, GenerateRequest } from '../../../engine/engine.ts';
import { EngineError } from '../../../engine/errors.ts';
import { loadLoraAdapter, saveLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { type NamedTensor, readSafetensors, writeSafetensors } from '../../../engine/model/safetensors.ts';
import { createLocalEngine } from '../../../engine/serve/local-engine.ts';
import { createServeClient } from '../../../engine/serve/serve-client.ts';
import { seededRandom } from '../../../engine/train/training-random.ts';
import { writeRandomAdapter } from '../../support/random-adapter.ts';
import { testFolder } from '../model/test-folder.ts';
import { answerOf, ask, faultOf, rowsMax, setUpRobustEngine, withEngine } from './robust-setup.ts';
import { tinyFolderConfig } from './tiny-model-folder.ts';

const at = setUpRobustEngine();
const { answer } = at;

describe('adapters that are broken', () => {
  const ref = (dir: string): AdapterRef => ({ id: dir, dir });
  const broken = (change: (weights: Map<string, NamedTensor>) => void) => {
    const dir = testFolder();
    const adapter = loadLoraAdapter(at.folders.adapter, tinyFolderConfig);
    const weights = new Map(adapter.weights);
    change(weights);
    saveLoraAdapter(dir, { ...adapter, weights });
    return dir;
  };
  const hugeAdapter = (): string => {
    const dir = testFolder();
    const adapter = loadLoraAdapter(at.folders.adapter, tinyFolderConfig);
    const huge = new Map(
      [...adapter.weights].map(([key, { shape, data }]) => [
        key,
        { shape, data: data.map((value) => value * 1e30) },
      ]),
    );
    saveLoraAdapter(dir, { ...adapter, weights: huge });
    return dir;
  };
  const name = 'model.layers.1.self_attn.q_proj.lora_B.weight';

  it.each<[string, () => string, RegExp]>([
    ['not there', () => join(testFolder(), 'nowhere'), /^file_unreadable$/],
    [
      'of another base',
      () => {
        const dir = testFolder();
        writeRandomAdapter(dir, { ...tinyFolderConfig, dim: 64, heads: 8 });
        return dir;
      },
      /^adapter_shape_mismatch$/,
    ],
    [
      'of more layers than the base has',
      () => {
        const dir = testFolder();
        writeRandomAdapter(dir, { ...tinyFolderConfig, layers: 3 });
        return dir;
      },
      /^adapter_shape_mismatch$/,
    ],
    [
      'of another rank than its settings say',
      () => {
        const dir = testFolder();
        writeRandomAdapter(dir, tinyFolderConfig, { rank: 4 });
        const path = join(dir, 'adapter_config.json');
        writeFileSync(path, readFileSync(path, 'utf8').replace('"r":4', '"r":8'));
        return dir;
      },
      /^adapter_shape_mismatch$/,
    ],
    [
      'of a rank too large to serve',
      () => {
        const dir = testFolder();
        writeRandomAdapter(dir, tinyFolderConfig, { rank: 512 });
        return dir;
      },
      /^adapter_rank_too_large$/,
    ],
    [
      'with NaN in it',
      () =>
        broken((weights) => {
          const tensor = weights.get(name)!;
          weights.set(name, {
            ...tensor,
            data: tensor.data.map((value, at) => (at === 5 ? Number.NaN : value)),
          });
        }),
      /^adapter_not_finite$/,
    ],
    ['with half of a pair', () => broken((weights) => weights.delete(name)), /^adapter_malformed$/],
    [
      'cut off in the middle',
      () => {
        const dir = testFolder();
        cpSync(at.folders.adapter, dir, { recursive: true });
        const path = join(dir, 'adapter_model.safetensors');
        writeFileSync(path, readFileSync(path).subarray(0, 9000));
        return dir;
      },
      /^safetensors_malformed$/,
    ],
    [
      'empty files',
      () => {
        const dir = testFolder();
        writeFileSync(join(dir, 'adapter_config.json'), '');
        writeFileSync(join(dir, 'adapter_model.safetensors'), '');
        return dir;
      },
      /^json_malformed$/,
    ],
  ])('%s: refused by name, beside an answer that goes on', async (_, make, code) => {
    const adapter = ref(make());
    const beside = answer(ask());
    const fault = await faultOf(answer(ask({ adapter })));
    expect(fault).toMatchObject({ code: expect.stringMatching(code), retry: 'never' });
    expect((await faultOf(at.engine.loadAdapter(adapter))).code).toBe(fault.code);
    at.engine.prefetchAdapter(adapter);
    expect(await at.engine.adapterState(adapter)).not.toBe('warm');
    expect(await beside).toBe(at.expected);
  });

  it('with values so large that the logits overflow: fails alone, and leaves nothing behind in its row', async () => {
    const dir = hugeAdapter();
    const beside = Array.from({ length: 15 }, () => answer(ask()));
    const fault = await faultOf(answer(ask({ adapter: ref(dir) })));
    expect(fault).toMatchObject({ code: 'logits_not_finite', retry: 'never' });
    expect(new Set(await Promise.all(beside))).toEqual(new Set([at.expected]));
    const after = await Promise.all(Array.from({ length: rowsMax }, () => answer(ask())));
    expect(new Set(after)).toEqual(new Set([at.expected]));
  });

  it('with such values has no likelihoods either: scoring says so instead of giving NaN', async () => {
    const client = await createServeClient({ modelDir: at.folders.model, device: 'cpu', weights: 'f32' });
    const dir = hugeAdapter();
    const ids = Array.from({ length: 40 }, (_, index) => 20 + index);
    const before = await client.score(ids);
    expect(await faultOf(client.score(ids, ref(dir)))).toMatchObject({ code: 'logits_not_finite' });
    expect(await client.score(ids)).toEqual(before);
    await client.close();
  });

  it('mended in place is served at once', async () => {
    const dir = testFolder();
    cpSync(at.folders.adapter, dir, { recursive: true });
    const good = await answer(ask({ adapter: ref(at.folders.adapter) }));
    rmSync(join(dir, 'adapter_model.safetensors'));
    expect((await faultOf(answer(ask({ adapter: ref(dir) })))).code).toBe('file_unreadable');
    copyFileSync(
      join(at.folders.adapter, 'adapter_model.safetensors'),
      join(dir, 'adapter_model.safetensors'),
    );
    expect(await answer(ask({ adapter: ref(dir) }))).toBe(good);
  });
});

describe('a base that is broken is refused at the start', () => {
  const copy = (): string => {
    const dir = testFolder();
    cpSync(at.folders.model, dir, { recursive: true });
    return dir;
  };
  const weightsOf = (dir: string): string => join(dir, 'model.safetensors');

  it.each<[string, (dir: string) => void, RegExp]>([
    [
      'NaN in a matrix',
      (dir) => {
        const weights = new Map(readSafetensors(weightsOf(dir)));
        const key = 'model.layers.0.mlp.up_proj.weight';
        const { shape, data } = weights.get(key)!;
        weights.set(key, { shape, data: data.map((value, at) => (at === 3 ? Number.NaN : value)) });
        writeSafetensors(weightsOf(dir), weights);
      },
      /^weights_not_finite$/,
    ],
    [
      'infinity in a norm',
      (dir) => {
        const weights = new Map(readSafetensors(weightsOf(dir)));
        const { shape, data } = weights.get('model.norm.weight')!;
        weights.set('model.norm.weight', { shape, data: data.map(() => Number.POSITIVE_INFINITY) });
        writeSafetensors(weightsOf(dir), weights);
      },
      /^weights_not_finite$/,
    ],
    [
      'a tensor missing',
      (dir) => {
        const weights = new Map(readSafetensors(weightsOf(dir)));
        weights.delete('model.layers.1.input_layernorm.weight');
        writeSafetensors(weightsOf(dir), weights);
      },
      /^weights_missing$/,
    ],
    [
      'weights cut off',
      (dir) => writeFileSync(weightsOf(dir), readFileSync(weightsOf(dir)).subarray(0, -100)),
      /^safetensors_malformed$/,
    ],
    ['weights of nothing', (dir) => writeFileSync(weightsOf(dir), ''), /^safetensors_malformed$/],
    [
      'weights that are a folder',
      (dir) => {
        rmSync(weightsOf(dir));
        mkdirSync(weightsOf(dir));
      },
      /^file_unreadable$/,
    ],
    ['a config that is no JSON', (dir) => writeFileSync(join(dir, 'config.json'), '{'), /^json_malformed$/],
    [
      'a config of another shape',
      (dir) => {
        const path = join(dir, 'config.json');
        writeFileSync(path, readFileSync(path, 'utf8').replace('"hidden_size":32', '"hidden_size":64'));
      },
      /^weights_shape_mismatch$|^config_/,
    ],
    ['no tokenizer', (dir) => rmSync(join(dir, 'tokenizer.json')), /^file_unreadable$/],
    [
      'a chat template that is no Jinja',
      (dir) => writeFileSync(join(dir, 'chat_template.jinja'), '{% if %}{{'),
      /^chat_template_/,
    ],
  ])('%s', async (_, spoil, code) => {
    const dir = copy();
    spoil(dir);
    const fault = await faultOf(withEngine({ baseDir: dir }, (other) => answerOf(other, ask())));
    expect(fault.code).toMatch(code);
    expect(fault.retry).toBe('never');
  });

  it.each(['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'])(
    '%s with random bytes changed 12 times is served or refused, never a bug',
    async (name) => {
      const random = seededRandom(11);
      const dir = copy();
      const good = readFileSync(join(dir, name));
      for (let round = 0; round < 12; round++) {
        const bad = Buffer.from(good);
        const reach = name.endsWith('.safetensors') ? 1200 : bad.length; // the header, where there is most to break
        for (let change = 0; change <= round % 4; change++)
          bad[Math.floor(random() * reach)] = 32 + Math.floor(random() * 95);
        writeFileSync(join(dir, name), bad);
        const outcome = await withEngine({ baseDir: dir }, (other) => answerOf(other, ask())).catch(
          (error: unknown) => error,
        );
        if (typeof outcome !== 'string') expect(outcome).toBeInstanceOf(EngineError);
      }
    },
  );

  it('a memory ceiling that is too low is named with the figures', async () => {
    const fault = await faultOf(createLocalEngine({ baseDir: at.folders.model, memoryBytesMax: 100_000 }));
    expect(fault).toMatchObject({ code: 'memory_too_small', message: expect.stringMatching(/MiB/) });
  });
});

describe('prompts and settings that are wrong', () => {
  const say = (content: string): Partial<GenerateRequest> => ({ messages: [{ role: 'user', content }] });
  const sampling = (change: Partial<GenerateRequest['sampling']>): Partial<GenerateRequest> => ({
    sampling: { temperature: 1, seed: 1, ...change },
  });
  const megabytes = 10 * 2 ** 20;

  it.each<[string, Partial<GenerateRequest>, string]>([
    ['no messages', { messages: [] }, 'prompt_empty'],
    ['an empty bare prompt', { prompt: [] }, 'prompt_empty'],
    ['a message of 10 MB', say('x'.repeat(megabytes)), 'prompt_too_long'],
    [
      'a system prompt of 10 MB',
      {
        messages: [
          { role: 'system', content: 'a b '.repeat(megabytes / 4) },
          { role: 'user', content: 'x' },
        ],
      },
      'prompt_too_long',
    ],
    ['a bare prompt of 10 MB', { prompt: 'word '.repeat(megabytes / 5) }, 'prompt_too_long'],
    ['a bare prompt of 10 MB without a space', { prompt: 'x'.repeat(megabytes) }, 'prompt_too_long'],
    ['as many ids as the context', { prompt: Array(160).fill(20) }, 'prompt_too_long'],
    ['a million ids', { prompt: Array(1_000_000).fill(20) }, 'prompt_too_long'],
    ['an id outside the vocabulary', { prompt: [20, 99_999] }, 'prompt_invalid'],
    ['a negative id', { prompt: [-1, 20] }, 'prompt_invalid'],
    ['half an id', { prompt: [20, 0.5] }, 'prompt_invalid'],
    ['NaN as an id', { prompt: [20, Number.NaN] }, 'prompt_invalid'],
    ['no tokens asked for', { maxTokens: 0 }, 'sampling_invalid'],
    ['half a token', { maxTokens: 1.5 }, 'sampling_invalid'],
    ['NaN tokens', { maxTokens: Number.NaN }, 'sampling_invalid'],
    ['a temperature below zero', sampling({ temperature: -0.1 }), 'sampling_invalid'],
    ['a temperature of NaN', sampling({ temperature: Number.NaN }), 'sampling_invalid'],
    ['an infinite temperature', sampling({ temperature: Number.POSITIVE_INFINITY }), 'sampling_invalid'],
    ['a seed of NaN', sampling({ seed: Number.NaN }), 'sampling_invalid'],
    ['an infinite seed', sampling({ seed: Number.POSITIVE_INFINITY }), 'sampling_invalid'],
    ['topK of zero', sampling({ topK: 0 }), 'sampling_invalid'],
    ['topP of zero', sampling({ topP: 0 }), 'sampling_invalid'],
    ['topP above one', sampling({ topP: 1.01 }), 'sampling_invalid'],
    ['minP above one', sampling({ minP: 2 }), 'sampling_invalid'],
    ['a repetition penalty of zero', sampling({ repetitionPenalty: 0 }), 'sampling_invalid'],
    ['a bias of NaN', sampling({ logitBias: { 20: Number.NaN } }), 'sampling_invalid'],
    ['21 log-probabilities', sampling({ logprobs: 21 }), 'sampling_invalid'],
    ['an empty stop string', sampling({ stop: [''] }), 'sampling_invalid'],
    ['a deadline that has passed', { deadlineMs: -5 }, 'deadline_exceeded'],
  ])('%s', async (_, change, code) => {
    expect(await faultOf(answer(ask(change)))).toMatchObject({ code });
  });

  it.each<[string, Partial<GenerateRequest>]>([
    ['the smallest temperature', sampling({ temperature: Number.MIN_VALUE })],
    ['the highest temperature', sampling({ temperature: 100 })],
    ['the largest seed', sampling({ seed: Number.MAX_SAFE_INTEGER })],
    ['a negative seed', sampling({ seed: -1 })],
    ['topK beyond the vocabulary', sampling({ topK: 1_000_000 })],
    ['the smallest topP', sampling({ topP: Number.MIN_VALUE })],
    ['minP of one', sampling({ minP: 1 })],
    [
      'every token ruled out alike',
      sampling({ logitBias: Object.fromEntries(Array.from({ length: 263 }, (_, id) => [id, -100])) }),
    ],
    ['a bias outside the vocabulary', sampling({ logitBias: { 99999: 5 } })],
    ['more tokens than the context', { maxTokens: 1_000_000 }],
    ['an empty message', say('')],
    ['a message of zeros and half characters', say('\0\uD800\uFFFF\u202E')],
    ['a prompt of one id', { prompt: [20] }],
    ['the longest prompt', { prompt: Array(159).fill(20), maxTokens: 9 }],
  ])('%s is served', async (_, change) => {
    expect(await answer(ask(change))).toMatch(/^(stop|length): /);
  });
});
