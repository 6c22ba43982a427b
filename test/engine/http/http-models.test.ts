// What our HTTP server offers: models, adapters inside one folder, loading, prefetching, counting.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../engine/errors.ts';
import type { HttpServer } from '../../../engine/http/http-server.ts';
import { testFolder } from '../model/test-folder.ts';
import { errorOf, hi, jsonOf, rig } from './http-rig.ts';

describe('models and adapters', () => {
  const withAdapters = async () => {
    const root = testFolder();
    const dir = join(root, 'adapters');
    for (const name of ['sql', 'deep/poems']) {
      mkdirSync(join(dir, name), { recursive: true });
      writeFileSync(join(dir, name, 'adapter_config.json'), '{}');
    }
    mkdirSync(join(root, 'outside'));
    writeFileSync(join(root, 'outside', 'adapter_config.json'), '{}');
    symlinkSync(join(root, 'outside'), join(dir, 'link'));
    return { ...(await rig({ adaptersDir: dir })), dir, root };
  };
  const idsOf = async (server: HttpServer): Promise<string[]> => {
    const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
    return data.map(({ id }) => id);
  };

  it('lists the base and every adapter with its parent, and answers with the one asked for', async () => {
    const { server, post, backend, dir } = await withAdapters();
    const { data } = await jsonOf(await fetch(`${server.url}/v1/models`));
    expect(data).toMatchObject([
      { id: 'tiny', object: 'model', owned_by: 'openmodels', root: 'tiny', parent: null, max_model_len: 512 },
      { id: 'sql', object: 'model', root: 'sql', parent: 'tiny', max_model_len: 512 },
    ]);
    expect(await jsonOf(await fetch(`${server.url}/v1/models/sql`))).toMatchObject({
      parent: 'tiny',
    });
    await post('/v1/chat/completions', { ...hi, model: 'sql' });
    expect(backend.requests[0].adapter).toEqual({ id: 'sql', dir: join(dir, 'sql') });
  });

  it('loads, names twice, unloads; states follow', async () => {
    const { server, post, backend, dir } = await withAdapters();
    const load = (name: string, path: string) =>
      post('/v1/load_lora_adapter', { lora_name: name, lora_path: path });
    expect(await (await load('p', 'deep/poems')).text()).toBe(
      "Success: LoRA adapter 'p' added successfully.",
    );
    expect((await load('p', join(dir, 'deep/poems'))).status).toBe(200);
    expect(backend.loaded).toEqual([join(dir, 'deep/poems'), join(dir, 'deep/poems')]);
    expect(await errorOf(await load('p', 'sql'))).toMatchObject({ status: 400, param: 'lora_name' });
    expect(await idsOf(server)).toEqual(['tiny', 'p', 'sql']);
    const states = await jsonOf(await fetch(`${server.url}/v1/adapters`));
    expect(states.data.map(({ id, state }) => [id, state])).toEqual([
      ['p', 'warm'],
      ['sql', 'cold'],
    ]);
    expect(await (await post('/v1/prefetch', { model: 'sql' })).json()).toEqual({
      model: 'sql',
      state: 'warm',
    });
    const one = await jsonOf(await fetch(`${server.url}/v1/adapters?name=sql`));
    expect(one.data).toEqual([{ id: 'sql', object: 'adapter', root: 'sql', parent: 'tiny', state: 'warm' }]);
    const unload = (name: string) => post('/v1/unload_lora_adapter', { lora_name: name });
    expect((await unload('p')).status).toBe(200);
    expect((await unload('p')).status).toBe(404);
    expect((await unload('sql')).status).toBe(400);
    expect(await idsOf(server)).toEqual(['tiny', 'sql']);
  });

  it.each(['../outside', 'link', '/etc', '.', '', 'sql/../../outside', 'nothing', 'sql\0'])(
    'there is no adapter at %j',
    async (path) => {
      const { post, backend } = await withAdapters();
      const response = await post('/v1/load_lora_adapter', { lora_name: 'x', lora_path: path });
      expect([400, 404]).toContain(response.status);
      expect((await post('/v1/chat/completions', { ...hi, model: path })).status).toBe(
        path === '' ? 404 : 404,
      );
      expect(backend.loaded).toEqual([]);
    },
  );

  it('an adapter that does not fit the base is refused with the reason and gets no name', async () => {
    const { post, backend, server } = await withAdapters();
    backend.script.failLoad = new EngineError('rank 4 of another base', {
      code: 'weights_shape_mismatch',
      retry: 'never',
    });
    expect(
      await errorOf(await post('/v1/load_lora_adapter', { lora_name: 'p', lora_path: 'deep/poems' })),
    ).toMatchObject({ status: 400, code: 'weights_shape_mismatch', message: 'rank 4 of another base' });
    expect(await idsOf(server)).toEqual(['tiny', 'sql']);
  });

  it('counts the tokens of a prompt', async () => {
    const { post } = await rig();
    expect(await (await post('/tokenize', hi)).json()).toEqual({ count: 5, max_model_len: 512 });
  });
});
