// Every fault of a hub on the way and every repository that is refused: the error's words, and what is left on disk.
import { existsSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goodToken } from './local-hub.ts';
import { tinyAdapterFiles } from './model-files.ts';
import { files, pulledNames, repo, setUpPulling, weightBytes, weights } from './pull-setup.ts';

const at = setUpPulling();
const { pull, refusal, listed, bytesOf, access, part, untilPartHas, stoppedPull } = at;

describe('faults of the hub', () => {
  it('waits as long as Retry-After says: 7 s, then 3 s by the RateLimit header', async () => {
    at.hub.faults.push({ at: 'api', status: 429, headers: { 'retry-after': '7' } });
    at.hub.faults.push({ at: 'api', status: 429, headers: { ratelimit: '"api";r=0;t=3' } });
    await pull();
    expect(at.waits).toEqual([7000, 3000]);
  });

  it('tries five times, waiting 1, 2, 4, 8 and 16 s, and then says what the hub answers', async () => {
    for (let i = 0; i < 6; i++) at.hub.faults.push({ at: 'storage', path: weights, status: 503 });
    expect(await refusal()).toMatchObject({ code: 'hub_failed', message: expect.stringContaining('503') });
    expect(at.waits).toEqual([1000, 2000, 4000, 8000, 16000]);
  });

  it('counts five failures in a row, not in all: seven cuts that each bring bytes do no harm', async () => {
    for (let i = 1; i <= 7; i++)
      at.hub.faults.push({
        at: 'storage',
        path: weights,
        bytes: 1000,
        meanwhile: () => untilPartHas(1000 * i),
      });
    await pull();
    expect(at.waits).toEqual(Array(7).fill(1000));
    expect(at.hub.served.get(weights)).toBe(weightBytes);
  });

  it('throws a file with a wrong checksum away and says so', async () => {
    at.hub.faults.push({ at: 'storage', path: weights, flip: true });
    expect(await refusal()).toMatchObject({
      code: 'download_corrupt',
      message: expect.stringMatching(/model\.safetensors: its checksum is not the one the hub lists/),
    });
    expect(listed().filter((name) => name.startsWith(weights))).toEqual([]);
    await pull();
    expect(listed()).toEqual(pulledNames);
  });

  it('refuses a small file with a wrong checksum before there is a folder', async () => {
    at.hub.faults.push({ at: 'hub', path: 'config.json', flip: true });
    expect(await refusal()).toMatchObject({ code: 'download_corrupt' });
    expect(existsSync(at.folder)).toBe(false);
  });

  it('names a model that is not there, with and without a token', async () => {
    const unknown = await refusal({ repo: 'tiny-org/nothing' });
    expect(unknown).toMatchObject({ code: 'hub_not_found', retry: 'never' });
    expect(unknown.message).toMatch(/shows no model tiny-org\/nothing \(401\): .*set HF_TOKEN/);
    const reader = await refusal({ repo: 'tiny-org/nothing', access: access(goodToken) });
    expect(reader.message).toMatch(/\(404\): the name may be wrong, or the token/);
    expect(at.waits).toEqual([]);
  });

  it('says how to get into a gated model, and fetches it with the token, which the storage never sees', async () => {
    at.hub.repos.set(repo, { files, gated: true });
    const closed = await refusal();
    expect(closed.code).toBe('hub_gated');
    expect(closed.message).toContain(`open ${at.hub.endpoint}/${repo} in a browser, accept its terms`);
    expect(closed.message).toContain('set it as HF_TOKEN');
    const wrong = await refusal({ access: access('hf_somebody_else') });
    expect(wrong.message).toMatch(/gated \(403\)/);
    expect(wrong.message).not.toContain('hf_somebody_else');
    expect(existsSync(at.folder)).toBe(false);
    expect(await pull({ access: access(goodToken) })).toMatchObject({ changed: true });
    expect(listed()).toEqual(pulledNames);
    expect(bytesOf('pulled.json').toString()).not.toContain(goodToken);
  });

  it('says at once when nobody answers, naming the host', async () => {
    await at.hub.close();
    const error = await refusal();
    expect(error).toMatchObject({ code: 'hub_unreachable', retry: 'safe' });
    expect(error.message).toMatch(/cannot reach 127\.0\.0\.1:\d+ \(connect ECONNREFUSED/);
    expect(at.waits).toEqual([]);
  });

  it('takes a connection without a byte for dead', async () => {
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    at.hub.faults.push({ at: 'storage', path: weights, bytes: 5000, meanwhile: () => held });
    await pull({ access: { ...access(), idleMs: 1000 } });
    release?.();
    expect(at.hub.served.get(weights)).toBe(weightBytes);
    expect(at.waits).toEqual([1000]);
  });

  it('refuses an answer in another form', async () => {
    at.hub.faults.push({ at: 'api', status: 200 });
    expect(await refusal()).toMatchObject({ code: 'hub_answer_malformed' });
  });
});

describe('refusals before any weight is fetched', () => {
  const without = (...names: readonly string[]) =>
    new Map([...files].filter(([name]) => !names.includes(name)));
  const withJson = (name: string, value: unknown) =>
    new Map([...files, [name, Buffer.from(JSON.stringify(value))] as const]);
  const index = (weightMap: unknown) => {
    const map = withJson('model.safetensors.index.json', { weight_map: weightMap });
    map.delete(weights);
    return map;
  };
  const config = JSON.parse(Buffer.from(files.get('config.json')!).toString());

  it.each<[string, Map<string, Uint8Array>, RegExp]>([
    ['no safetensors', without(weights), /no model\.safetensors; it has other weights \(\.bin, \.onnx\)/],
    ['no tokenizer', without('tokenizer.json'), /no tokenizer\.json/],
    [
      'another architecture',
      withJson('config.json', { ...config, architectures: ['GPT2LMHeadModel'] }),
      /GPT2/,
    ],
    ['a tokenizer of another kind', withJson('tokenizer.json', { model: { type: 'Riddle' } }), /tokenizer/],
    ['a shard outside the folder', index({ a: '../evil.safetensors' }), /names a shard "\.\.\/evil/],
    ['a shard that is not listed', index({ a: 'model-1.safetensors' }), /names model-1\.safetensors, which/],
    ['an index without shards', index({}), /no weight_map/],
  ])('%s', async (_, map, message) => {
    at.hub.repos.set(repo, { files: map });
    const error = await refusal();
    expect(error).toMatchObject({ retry: 'never', message: expect.stringMatching(message) });
    expect([...at.hub.served.keys()].filter((name) => name.endsWith('.safetensors'))).toEqual([]);
    expect(existsSync(at.folder)).toBe(false);
  });

  it('an adapter that is no LoRA', async () => {
    const map = tinyAdapterFiles();
    map.set('adapter_config.json', Buffer.from('{"peft_type":"IA3"}'));
    at.hub.repos.set(repo, { files: map });
    expect((await refusal()).message).toMatch(/peft_type "IA3", only LORA/);
    expect(at.hub.served.get('adapter_model.safetensors')).toBeUndefined();
  });

  it('never writes a name that leads out of the folder', async () => {
    const names = ['../README.md', '..\\LICENSE', '/LICENSE', 'LICENSE/../../x', '../config.json'];
    at.hub.repos.set(repo, {
      files: new Map([...files, ...names.map((name) => [name, Buffer.from('out')] as const)]),
    });
    await pull();
    expect(listed()).toEqual(pulledNames);
    expect(readdirSync(join(at.folder, '..'))).toEqual(['tiny-model']);
    expect(bytesOf('config.json').equals(files.get('config.json')!)).toBe(true);
  });

  it('too little space: names both figures and leaves no folder', async () => {
    const error = await refusal({ freeBytes: async () => 1_000_000 });
    expect(error.code).toBe('disk_full');
    expect(error.message).toMatch(/\d+ kB more are needed in .+, 1 MB are free there/);
    expect(existsSync(at.folder)).toBe(false);
    expect(at.hub.served.get(weights)).toBeUndefined();
  });
});

describe.skipIf(!existsSync('/dev/full'))('a disk that fills up (needs /dev/full)', () => {
  it('is named, and what is there stays', async () => {
    await stoppedPull(20_000);
    rmSync(part());
    symlinkSync('/dev/full', part());
    expect(await refusal()).toMatchObject({
      code: 'disk_full',
      message: expect.stringMatching(/the disk is full while writing .*model\.safetensors\.part/),
    });
    rmSync(part());
    await pull();
    expect(listed()).toEqual(pulledNames);
  });
});
