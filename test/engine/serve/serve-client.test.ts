// The serving worker from outside: answers, crashes, closing.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServeClient, type ServeClient } from '../../../engine/serve/serve-client.ts';
import type { TokenEvent, TokenRequest } from '../../../engine/serve/serve-protocol.ts';
import { randomIds } from './tiny-llama.ts';
import { type TinyFolders, tinyFolderConfig, writeTinyFolders } from './tiny-model-folder.ts';

let folders: TinyFolders;
let client: ServeClient;
const deaths: unknown[] = [];
beforeAll(async () => {
  folders = writeTinyFolders();
  client = await createServeClient({ modelDir: folders.model, onWorkerDeath: (cause) => deaths.push(cause) });
});
afterAll(async () => {
  await client.close();
  rmSync(folders.root, { recursive: true });
});

function request(overrides: Partial<TokenRequest> = {}): TokenRequest {
  return {
    promptIds: randomIds(tinyFolderConfig, 10),
    maxTokens: 12,
    stopIds: [],
    temperature: 1,
    seed: 1,
    ...overrides,
  };
}

async function collect(events: AsyncIterable<TokenEvent>): Promise<readonly TokenEvent[]> {
  const all: TokenEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

async function tokens(made: TokenRequest): Promise<readonly number[]> {
  return (await collect(client.generate(made))).flatMap((event) =>
    event.type === 'token' ? [event.id] : [],
  );
}

describe('serving worker and client', () => {
  it('says the context of the model', () => {
    expect(client.contextTokens).toBe(160);
  });

  it('gives the same tokens for the same seed, beside others or alone', async () => {
    const alone = await tokens(request());
    const together = await Promise.all([
      tokens(request()),
      tokens(request({ seed: 2 })),
      tokens(request({ promptIds: randomIds(tinyFolderConfig, 100), maxTokens: 30 })),
      tokens(request()),
    ]);
    expect(together[0]).toEqual(alone);
    expect(together[3]).toEqual(alone);
    expect(together[1]).not.toEqual(alone);
  });

  it('an adapter loaded from its folder changes the answer, and only of its request', async () => {
    const adapter = { id: 'one', dir: folders.adapter };
    const base = await tokens(request({ temperature: 0 }));
    const [adapted, beside] = await Promise.all([
      tokens(request({ temperature: 0, adapter })),
      tokens(request({ temperature: 0 })),
    ]);
    await client.loadAdapter(adapter);
    expect(beside).toEqual(base);
    expect(adapted).not.toEqual(base);
  });

  it('scores a text with one value for each token after the first', async () => {
    const ids = randomIds(tinyFolderConfig, 70);
    const nll = await client.score(ids);
    expect(nll.length).toBe(69);
    expect(nll.every((nats) => nats > 0 && Number.isFinite(nats))).toBe(true);
    expect(await client.score(ids, { id: 'one', dir: folders.adapter })).not.toEqual(nll);
  });

  it('aborting in the middle ends with done: cancelled', async () => {
    const stop = new AbortController();
    const seen: TokenEvent[] = [];
    for await (const event of client.generate(request({ maxTokens: 140 }), stop.signal)) {
      seen.push(event);
      if (seen.length === 3) stop.abort();
    }
    expect(seen.at(-1)).toEqual({ type: 'done', reason: 'cancelled' });
    expect(seen.length).toBeLessThan(140);
    expect(await collect(client.generate(request(), AbortSignal.abort()))).toEqual([
      { type: 'done', reason: 'cancelled' },
    ]);
  });

  it('leaving the loop frees the place: 20 abandoned answers do not fill a queue of 1', async () => {
    const small = await createServeClient({ modelDir: folders.model, rowsMax: 1, queueMax: 1 });
    for (let round = 0; round < 20; round++) {
      for await (const event of small.generate(request({ maxTokens: 100 })))
        if (event.type === 'token') break;
    }
    expect((await collect(small.generate(request()))).at(-1)?.type).toBe('done');
    await small.close();
  });

  it.each([
    [{ adapter: { id: 'gone', dir: '/nowhere' } }, 'file_unreadable'],
    [{ promptIds: randomIds(tinyFolderConfig, 160) }, 'prompt_too_long'],
    [{ temperature: -1 }, 'sampling_invalid'],
  ])('refuses %o with %s and goes on', async (overrides, code) => {
    await expect(collect(client.generate(request(overrides)))).rejects.toMatchObject({
      code,
      retry: 'never',
    });
    expect((await tokens(request())).length).toBe(12);
  });

  it('a worker that dies fails the calls under way with retry safe; the next call is answered by its successor', async () => {
    const expected = await tokens(request());
    const under = collect(client.generate(request({ maxTokens: 140 })));
    const died = expect(under).rejects.toMatchObject({
      name: 'EngineError',
      code: 'worker_died',
      retry: 'safe',
    });
    await client.crash();
    await died;
    expect(deaths.map(String)).toEqual(['Error: the serving worker was told to crash']);
    expect(await tokens(request())).toEqual(expected);
  });

  it('a folder without a model is refused at the start', async () => {
    await expect(createServeClient({ modelDir: folders.root })).rejects.toMatchObject({
      code: 'file_unreadable',
    });
  });

  it('closing fails what is under way and refuses what comes after', async () => {
    const other = await createServeClient({ modelDir: folders.model });
    const under = collect(other.generate(request({ maxTokens: 140 })));
    const closed = expect(under).rejects.toMatchObject({ code: 'engine_closed' });
    await new Promise((resolve) => setImmediate(resolve));
    await other.close();
    await closed;
    await expect(collect(other.generate(request()))).rejects.toMatchObject({ code: 'engine_closed' });
  });
});
