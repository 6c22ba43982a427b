// Pulling a model from a strict local hub: what is fetched, and how an interrupted pull goes on. Faults and refusals are
// tried in pull-faults.test.ts, the whole program (kill -9, Ctrl-C, exit codes) in models-cli.test.ts.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PullEvent } from '../../../engine/models/pull-model.ts';
import { commitOf } from './local-hub.ts';
import { tinyAdapterFiles } from './model-files.ts';
import { files, pulledNames, repo, setUpPulling, weightBytes, weights } from './pull-setup.ts';

const at = setUpPulling();
const { pull, refusal, listed, bytesOf, part, untilPartHas, stoppedPull } = at;

describe('pullModel', () => {
  it('fetches what serving needs and the terms, verified, and nothing else', async () => {
    const events: PullEvent[] = [];
    const outcome = await pull({ onEvent: (event) => events.push(event) });
    expect(listed()).toEqual(pulledNames);
    for (const name of pulledNames)
      if (name !== 'pulled.json') expect(bytesOf(name).equals(files.get(name)!)).toBe(true);
    const bytesTotal = pulledNames.reduce((sum, name) => sum + (files.get(name)?.length ?? 0), 0);
    expect(outcome).toEqual({
      kind: 'model',
      folder: at.folder,
      repo,
      commit: commitOf({ files }),
      licence: 'mit',
      bytesTotal,
      changed: true,
    });
    expect(events[0]).toMatchObject({ type: 'start', files: 6, bytesTotal, bytesHere: 0 });
    expect(events.at(-1)).toEqual({ type: 'progress', bytes: bytesTotal, bytesTotal });
    const record = JSON.parse(bytesOf('pulled.json').toString());
    expect(record).toMatchObject({ repo, commit: commitOf({ files }), licence: 'mit', revision: 'main' });
    expect(record.files.length).toBe(6);
  });

  it('asks once and fetches nothing the second time', async () => {
    await pull();
    at.hub.requests.length = 0;
    expect(await pull()).toMatchObject({ changed: false });
    expect(at.hub.requests).toEqual([`hub /api/models/${repo}/revision/main`]);
  });

  it('takes a commit as the revision, and names one that is not there', async () => {
    expect(await pull({ revision: commitOf({ files }) })).toMatchObject({ changed: true });
    expect(await refusal({ revision: 'v9' })).toMatchObject({
      code: 'hub_not_found',
      message: expect.stringMatching(/tiny-model has no revision v9/),
    });
  });

  it('fetches a LoRA adapter', async () => {
    at.hub.repos.set(repo, { files: tinyAdapterFiles() });
    expect(await pull()).toMatchObject({ kind: 'adapter', licence: undefined });
    expect(listed()).toEqual(['adapter_config.json', 'adapter_model.safetensors', 'pulled.json']);
  });

  it('fetches exactly the shards of the index, not a second copy of the weights', async () => {
    const map = new Map(files);
    map.delete(weights);
    map.set('model-00001-of-00002.safetensors', files.get(weights)!);
    map.set('model-00002-of-00002.safetensors', Buffer.from('other'));
    map.set('consolidated.safetensors', new Uint8Array(70_000));
    const weightMap = { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' };
    map.set('model.safetensors.index.json', Buffer.from(JSON.stringify({ weight_map: weightMap })));
    at.hub.repos.set(repo, { files: map });
    await pull();
    expect(listed().filter((name) => name.includes('safetensors'))).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ]);
  });
});

describe('a pull that is interrupted', () => {
  it.each([1, 30_000, weightBytes - 1])(
    'goes on from byte %i after a cut connection and fetches nothing twice',
    async (bytes) => {
      at.hub.faults.push({ at: 'storage', path: weights, bytes, meanwhile: () => untilPartHas(bytes) });
      await pull();
      expect(at.hub.served.get(weights)).toBe(weightBytes);
      expect(at.hub.requests.filter((request) => request.includes(`storage ${weights}`))).toEqual([
        `storage ${weights} all`,
        `storage ${weights} bytes=${bytes}-`,
      ]);
      expect(at.waits).toEqual([1000]);
      expect(bytesOf(weights).equals(files.get(weights)!)).toBe(true);
    },
  );

  it('goes on where its person stopped it, by the next pull', async () => {
    await stoppedPull(20_000);
    expect(listed()).toContain('pulling.json');
    expect(existsSync(join(at.folder, 'pull.lock'))).toBe(false);
    const events: PullEvent[] = [];
    await pull({ onEvent: (event) => events.push(event) });
    expect(at.hub.served.get(weights)).toBe(weightBytes);
    expect(events[0]).toMatchObject({ type: 'start' });
    expect(events[0].type === 'start' && events[0].bytesHere).toBeGreaterThan(20_000);
    expect(listed()).toEqual(pulledNames);
  });

  it('begins again when the hub changed the file meanwhile, and goes on when it changed another', async () => {
    await stoppedPull(20_000);
    const readme = new Map([...files, ['README.md', Buffer.from('new words')] as const]);
    at.hub.repos.set(repo, { files: readme });
    await pull();
    expect(at.hub.served.get(weights)).toBe(weightBytes);
    rmSync(at.folder, { recursive: true });

    at.hub.served.clear();
    await stoppedPull(20_000);
    const other = files.get(weights)!.map((byte, at) => (at === 10 ? byte ^ 1 : byte));
    at.hub.repos.set(repo, { files: new Map([...files, [weights, other] as const]) });
    await pull();
    expect(at.hub.served.get(weights)).toBe(20_000 + weightBytes);
    expect(bytesOf(weights).equals(other)).toBe(true);
  });

  it('fetches a file once more when bytes of an earlier run are damaged on disk', async () => {
    await stoppedPull(20_000);
    writeFileSync(part(), new Uint8Array(20_000));
    await pull();
    expect(at.hub.served.get(weights)).toBe(20_000 + (weightBytes - 20_000) + weightBytes);
    expect(bytesOf(weights).equals(files.get(weights)!)).toBe(true);
  });

  it('drops a part that is longer than the file', async () => {
    await stoppedPull(20_000);
    writeFileSync(part(), new Uint8Array(weightBytes + 1));
    await pull();
    expect(bytesOf(weights).equals(files.get(weights)!)).toBe(true);
  });

  it('keeps the older version in place until the new one is whole, then removes what it no longer has', async () => {
    at.hub.repos.set(repo, { files: new Map([...files, ['NOTICE', Buffer.from('old')] as const]) });
    await pull();
    const other = files.get(weights)!.map((byte, at) => (at > 200 ? byte ^ 1 : byte));
    const config = Buffer.concat([files.get('config.json')!, Buffer.from('\n')]);
    at.hub.repos.set(repo, { files: new Map([...files, [weights, other], ['config.json', config]]) });
    await stoppedPull(20_000);
    expect(bytesOf(weights).equals(files.get(weights)!)).toBe(true);
    expect(bytesOf('config.json').equals(files.get('config.json')!)).toBe(true);
    await pull();
    expect(bytesOf(weights).equals(other)).toBe(true);
    expect(bytesOf('config.json').equals(config)).toBe(true);
    expect(listed()).toEqual(pulledNames);
  });

  it('leaves alone what a person put there by hand, if its checksum is right', async () => {
    await pull();
    for (const name of listed()) if (name !== weights) rmSync(join(at.folder, name));
    at.hub.served.clear();
    await pull();
    expect(at.hub.served.get(weights)).toBeUndefined();
    expect(listed()).toEqual(pulledNames);
  });

  it('begins a file again at a storage that knows no ranges', async () => {
    at.hub.faults.push({ at: 'storage', path: weights, bytes: 9000, meanwhile: () => untilPartHas(9000) });
    at.hub.faults.push({ at: 'storage', path: weights, ignoreRange: true });
    await pull();
    expect(bytesOf(weights).equals(files.get(weights)!)).toBe(true);
    expect(at.hub.served.get(weights)).toBe(9000 + weightBytes);
  });
});
