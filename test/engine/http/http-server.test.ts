// The HTTP server over a scripted backend: shapes, refusals, streams, limits and what happens when somebody leaves.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { EngineError } from '../../../engine/errors.ts';
import { addApiKey, readApiKeys } from '../../../engine/http/api-keys.ts';
import { type HttpServer, startHttpServer } from '../../../engine/http/http-server.ts';
import { testFolder } from '../model/test-folder.ts';
import { type ScriptedBackend, scriptedBackend } from './scripted-backend.ts';

interface Rig {
  readonly backend: ScriptedBackend;
  readonly server: HttpServer;
  readonly log: string[];
  readonly post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Response>;
}

const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop(0)));
});

async function rig(options: Partial<Parameters<typeof startHttpServer>[0]> = {}): Promise<Rig> {
  const backend = scriptedBackend();
  const log: string[] = [];
  const server = await startHttpServer({
    backend,
    baseModel: 'tiny',
    port: 0,
    log: (line) => log.push(line),
    ...options,
  });
  servers.push(server);
  const post: Rig['post'] = (path, body, headers) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { backend, server, log, post };
}

const hi = { model: 'tiny', messages: [{ role: 'user', content: 'hi there' }] };

async function errorOf(response: Response): Promise<Record<string, unknown>> {
  const { error, ...rest } = (await response.json()) as { error: Record<string, unknown> };
  expect(rest).toEqual({});
  expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code']);
  return { status: response.status, ...error };
}

/** The data of each event, JSON parsed; comments apart. */
async function eventsOf(response: Response): Promise<{ data: Json[]; comments: string[] }> {
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const blocks = (await response.text()).split('\n\n').filter((block) => block !== '');
  const data = blocks.filter((block) => block.startsWith('data: ')).map((block) => block.slice(6));
  return {
    data: data.map((text) => (text === '[DONE]' ? text : JSON.parse(text))),
    comments: blocks.filter((block) => block.startsWith(': ')).map((block) => block.slice(2)),
  };
}

/** What these tests read of bodies and chunks. */
interface Json {
  readonly data: readonly { readonly id: string; readonly state: string }[];
  readonly choices: readonly {
    readonly delta: object;
    readonly text: string;
    readonly finish_reason: string | null;
    readonly logprobs: { readonly content: readonly object[] };
  }[];
  readonly usage: object | null;
  readonly id: string;
  readonly object: string;
  readonly dropped_messages: number;
}

async function jsonOf(response: Response): Promise<Json> {
  return (await response.json()) as Json;
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await sleep(2);
}

describe('chat completions', () => {
  it('answers whole, with usage', async () => {
    const { post } = await rig();
    const response = await post('/v1/chat/completions', hi);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-[\w-]{36}$/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'tiny',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'one two three', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
    });
  });

  it('streams role, words, finish, usage with empty choices and [DONE]; usage is null before', async () => {
    const { post } = await rig();
    const body = { ...hi, stream: true, stream_options: { include_usage: true } };
    const { data } = await eventsOf(await post('/v1/chat/completions', body));
    const deltas = data.slice(0, 5).map(({ choices: [{ delta, finish_reason }] }) => [delta, finish_reason]);
    expect(deltas).toEqual([
      [{ role: 'assistant', content: '' }, null],
      [{ content: 'one' }, null],
      [{ content: ' two' }, null],
      [{ content: ' three' }, null],
      [{}, 'stop'],
    ]);
    expect(data.slice(0, 5).map(({ usage }) => usage)).toEqual([null, null, null, null, null]);
    expect(data[5]).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
    });
    expect(data[6]).toBe('[DONE]');
    expect(new Set(data.slice(0, 6).map(({ id, object }) => `${id} ${object}`)).size).toBe(1);
    expect(data.length).toBe(7);
  });

  it('a stream without include_usage has no usage at all', async () => {
    const { post } = await rig();
    const { data } = await eventsOf(await post('/v1/chat/completions', { ...hi, stream: true }));
    expect(data.slice(0, -1).every((chunk) => !('usage' in chunk))).toBe(true);
    expect(data.length).toBe(6);
  });

  it('hands every parameter to the engine', async () => {
    const { post, backend } = await rig();
    await post('/v1/chat/completions', {
      ...hi,
      messages: [
        { role: 'developer', content: 'be brief' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      ],
      max_completion_tokens: 7,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.1,
      repetition_penalty: 1.1,
      stop: 'END',
      seed: 5,
      logit_bias: { 12: -100 },
      logprobs: true,
      top_logprobs: 2,
      user: 'p1',
      deadline_ms: 900,
      n: 1,
      presence_penalty: 0,
      frequency_penalty: null,
      tools: [],
      response_format: { type: 'text' },
      metadata: { a: 'b' },
    });
    expect(backend.requests).toEqual([
      {
        messages: [
          { role: 'system', content: 'be brief' },
          { role: 'user', content: 'ab' },
        ],
        maxTokens: 7,
        sampling: {
          temperature: 0.5,
          topK: 40,
          topP: 0.9,
          minP: 0.1,
          repetitionPenalty: 1.1,
          logitBias: { 12: -100 },
          stop: ['END'],
          logprobs: 2,
          seed: 5,
        },
        fairnessKey: 'p1',
        deadlineMs: 900,
      },
    ]);
  });

  it('log-probabilities in both shapes, streamed and whole', async () => {
    const { post, backend } = await rig();
    backend.script.answer = 'one two';
    const wanted = { ...hi, logprobs: true, top_logprobs: 1 };
    const entry = { id: 1, token: 'one', logprob: -0.125, bytes: [111, 110, 101] };
    const whole = await jsonOf(await post('/v1/chat/completions', wanted));
    expect(whole.choices[0].logprobs.content[0]).toEqual({ ...entry, top_logprobs: [entry] });
    expect(whole.choices[0].logprobs.content.length).toBe(2);
    const { data } = await eventsOf(await post('/v1/chat/completions', { ...wanted, stream: true }));
    expect(data[1].choices[0].logprobs.content).toEqual([{ ...entry, top_logprobs: [entry] }]);
    const text = await jsonOf(await post('/v1/completions', { prompt: 'x', logprobs: 1 }));
    expect(text.choices[0].logprobs).toEqual({
      tokens: ['one', ' two'],
      token_ids: [1, 2],
      token_logprobs: [-0.125, -0.25],
      top_logprobs: [{ one: -0.125 }, { ' two': -0.25 }],
      text_offset: [0, 3],
    });
  });

  it.each([
    [{ n: 2 }, 'n', 'unsupported_parameter'],
    [{ tools: [{ type: 'function' }] }, 'tools', 'unsupported_parameter'],
    [{ response_format: { type: 'json_schema' } }, 'response_format', 'unsupported_parameter'],
    [{ presence_penalty: 0.5 }, 'presence_penalty', 'unsupported_parameter'],
    [{ colour: 'red' }, 'colour', 'unknown_parameter'],
    [{ temperature: 3 }, 'temperature', 'invalid_value'],
    [{ stop: [''] }, 'stop.0', 'invalid_value'],
    [{ logit_bias: { word: 1 } }, 'logit_bias.word', 'invalid_value'],
    [{ max_tokens: 0 }, 'max_tokens', 'invalid_value'],
    [{ messages: [] }, 'messages', 'invalid_value'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.role', 'invalid_value'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      'messages.0.content.0.type',
      'invalid_value',
    ],
    [{ top_logprobs: 2 }, 'top_logprobs', 'invalid_value'],
    [{ stream_options: {} }, 'stream_options', 'invalid_value'],
    [{ __proto__: null, constructor: 1 }, 'constructor', 'unknown_parameter'],
  ])('refuses %j with 400 that names the parameter', async (change, param, code) => {
    const { post, backend } = await rig();
    const error = await errorOf(await post('/v1/chat/completions', { ...hi, ...change }));
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param, code });
    expect(backend.requests).toEqual([]);
  });
});

describe('text completions', () => {
  it('takes a text or ids as they are, 16 tokens where no number is given', async () => {
    const { post, backend } = await rig();
    const whole = await jsonOf(await post('/v1/completions', { model: 'tiny', prompt: 'once upon' }));
    expect(whole).toMatchObject({
      object: 'text_completion',
      choices: [{ index: 0, text: 'one two three', logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
    });
    await post('/v1/completions', { prompt: [[5, 6, 7]], max_tokens: 2 });
    expect(backend.requests.map(({ prompt, maxTokens }) => [prompt, maxTokens])).toEqual([
      ['once upon', 16],
      [[5, 6, 7], 2],
    ]);
    const { data } = await eventsOf(
      await post('/v1/completions', { prompt: ['x'], max_tokens: 2, stream: true }),
    );
    expect(data.map((chunk) => chunk.choices?.[0].text)).toEqual(['', 'one', ' two', '', undefined]);
    expect(data[3].choices[0].finish_reason).toBe('length');
  });
});

describe('faults', () => {
  it('keep the code of the engine and have the right status', async () => {
    const { post, backend, log } = await rig();
    backend.script.answer = '';
    const failing = async (code: string, retryAfterMs?: number) => {
      backend.script.fail = new EngineError('/secret/path is bad', { code, retry: 'never', retryAfterMs });
      const response = await post('/v1/chat/completions', { ...hi, stream: true });
      const { status, message } = await errorOf(response);
      return [status, response.headers.get('retry-after'), message];
    };
    expect(await failing('prompt_too_long')).toEqual([400, null, '/secret/path is bad']);
    expect(await failing('engine_busy', 2500)).toEqual([503, '3', '/secret/path is bad']);
    expect(await failing('worker_died')).toEqual([503, '1', '/secret/path is bad']);
    expect(await failing('deadline_exceeded')).toEqual([504, '1', '/secret/path is bad']);
    expect(await failing('weights_missing')).toEqual([500, null, 'The engine failed: weights_missing.']);
    backend.script.fail = new Error('bug: secret');
    expect(await errorOf(await post('/v1/chat/completions', hi))).toMatchObject({
      status: 500,
      message: 'Something went wrong inside the server.',
    });
    expect(log.length).toBe(2);
    expect(log[1]).toContain('bug: secret');
    expect(backend.running()).toBe(0);
  });

  it('after the first word the last event is the error, and no [DONE] follows', async () => {
    const { post, backend } = await rig();
    backend.script.fail = new EngineError('the worker died', { code: 'worker_died', retry: 'safe' });
    const { data } = await eventsOf(await post('/v1/chat/completions', { ...hi, stream: true }));
    expect(data.length).toBe(5);
    expect(data[4]).toEqual({
      error: { message: 'the worker died', type: 'server_error', param: null, code: 'worker_died' },
    });
  });

  it('bodies that are no JSON, too large or of another type; unknown models and addresses', async () => {
    const { post, server } = await rig({ bodyBytesMax: 1000 });
    expect(await errorOf(await post('/v1/chat/completions', '{'))).toMatchObject({
      status: 400,
      code: 'json_malformed',
    });
    const large = { ...hi, user: 'x'.repeat(1000) };
    expect(await errorOf(await post('/v1/chat/completions', large))).toMatchObject({ status: 413 });
    const chunks = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(400)),
    });
    const init = {
      method: 'POST',
      body: chunks,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    };
    const endless = await fetch(`${server.url}/v1/completions`, init as RequestInit).then(
      (response) => response.status,
      () => 'cut off',
    );
    expect([413, 'cut off']).toContain(endless);
    expect(
      await errorOf(await post('/v1/chat/completions', hi, { 'content-type': 'text/plain' })),
    ).toMatchObject({ status: 415 });
    expect(await errorOf(await post('/v1/chat/completions', { ...hi, model: 'nobody' }))).toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
    });
    expect(await errorOf(await fetch(`${server.url}/v2`))).toMatchObject({
      status: 404,
      code: 'unknown_url',
    });
  });
});

describe('queue and back-pressure', () => {
  it('tells queue positions as comments, and what did not fit in the first chunk', async () => {
    const { post, backend } = await rig();
    backend.script = { answer: 'one', queued: [2, 1], dropped: 4, reason: 'deadline' };
    const { data, comments } = await eventsOf(await post('/v1/chat/completions', { ...hi, stream: true }));
    expect(comments).toEqual(['queued 2', 'queued 1']);
    expect(data[0].dropped_messages).toBe(4);
    expect(data.at(-2)?.choices[0].finish_reason).toBe('deadline');
  });

  it.each([true, false])('a client that leaves ends its generation (stream: %s)', async (stream) => {
    const { backend, server } = await rig();
    let aborted = false;
    backend.script.before = (word, signal) =>
      word === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            signal?.addEventListener('abort', () => {
              aborted = true;
              resolve();
            });
          });
    const leave = new AbortController();
    const asked = fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...hi, stream }),
      signal: leave.signal,
    });
    await until(() => backend.words() === 1);
    leave.abort();
    await asked.catch(() => undefined);
    await until(() => backend.running() === 0);
    expect(aborted).toBe(true);
    expect(backend.words()).toBe(1);
  });

  it('an answer waits for a client that reads nothing, and the client is cut off in the end', async () => {
    const { backend, server } = await rig({ stallMs: 300 });
    // Far more than the buffers of two sockets hold.
    backend.script.answer = Array(400).fill('x'.repeat(100_000)).join(' ');
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const body = JSON.stringify({ ...hi, stream: true });
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    socket.pause();
    socket.on('error', () => undefined);
    await until(() => backend.words() > 0 && backend.running() === 0);
    expect(backend.words()).toBeLessThan(300);
  });

  it('stopping lets an answer under way end, refuses new ones and then closes', async () => {
    const { backend, server, post } = await rig();
    const gate = Promise.withResolvers<void>();
    backend.script.before = () => gate.promise;
    const under = post('/v1/chat/completions', hi);
    await until(() => backend.running() === 1);
    const stopped = server.stop(5000);
    expect((await fetch(`${server.url}/health`)).status).toBe(503);
    expect(await errorOf(await post('/v1/chat/completions', hi))).toMatchObject({ status: 503 });
    gate.resolve();
    expect(await jsonOf(await under)).toMatchObject({ choices: [{ finish_reason: 'stop' }] });
    await stopped;
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });

  it('an answer that outlasts the wait is aborted and says so', async () => {
    const { backend, server, post } = await rig();
    backend.script.before = (word, signal) =>
      word < 1
        ? Promise.resolve()
        : new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));
    const under = post('/v1/chat/completions', hi);
    await until(() => backend.words() === 1);
    const stopped = server.stop(20);
    expect(await jsonOf(await under)).toMatchObject({
      choices: [{ finish_reason: 'abort', message: { content: 'one' } }],
    });
    await stopped;
  });
});

describe('keys', () => {
  const keyed = async (limits: {
    requestsPerMinute?: number;
    tokensPerMinute?: number;
    concurrent?: number;
  }) => {
    const file = join(testFolder(), 'keys.json');
    const secret = addApiKey(file, { name: 'bots', admin: false, ...limits });
    const made = await rig({ keys: readApiKeys(file) });
    const headers = { authorization: `Bearer ${secret}` };
    const ask = (more: object = {}) => made.post('/v1/chat/completions', { ...hi, ...more }, headers);
    return { ...made, secret, headers, ask, file };
  };

  it('everything but /health needs one; a wrong one is 401 and is never repeated', async () => {
    const { server, post, ask, secret, backend } = await keyed({});
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    const wrong = await post('/v1/chat/completions', hi, { authorization: `Bearer ${secret}x` });
    expect(JSON.stringify(await errorOf(wrong))).not.toContain(secret);
    expect(wrong.status).toBe(401);
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(401);
    expect((await ask({ user: 'anna' })).status).toBe(200);
    expect(backend.requests[0].fairnessKey).toBe('bots:anna');
  });

  it('the file holds a hash, never the key, and refuses a second key of the same name', async () => {
    const { file, secret } = await keyed({});
    const stored = JSON.stringify(readApiKeys(file));
    expect(secret).toMatch(/^om-[\w-]{43}$/);
    expect(stored).not.toContain(secret.slice(3, 20));
    expect(() => addApiKey(file, { name: 'bots', admin: false })).toThrow('has a key named bots already');
  });

  it('2 requests a minute: the third is 429 with Retry-After', async () => {
    const { ask } = await keyed({ requestsPerMinute: 2 });
    const first = await ask();
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1');
    expect((await ask()).status).toBe(200);
    const third = await ask();
    expect(await errorOf(third)).toMatchObject({
      status: 429,
      type: 'rate_limit_error',
      code: 'rate_limit_exceeded',
    });
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(20);
  });

  it('tokens a minute: reserved in advance, what was not used is given back', async () => {
    const { ask } = await keyed({ tokensPerMinute: 100 });
    // 8 tokens each: 5 of the prompt, 3 of the answer
    for (let used = 0; used < 5; used++) expect((await ask({ max_tokens: 60 })).status).toBe(200);
    expect(await errorOf(await ask({ max_tokens: 99 }))).toMatchObject({ status: 429 });
    expect((await ask({ max_tokens: 50 })).status).toBe(200);
  });

  it('one at the same time: the second is 429 until the first ends', async () => {
    const { ask, backend } = await keyed({ concurrent: 1 });
    const gate = Promise.withResolvers<void>();
    backend.script.before = () => gate.promise;
    const first = ask();
    await until(() => backend.running() === 1);
    expect((await ask()).status).toBe(429);
    gate.resolve();
    await first;
    expect((await ask()).status).toBe(200);
  });

  it('only an admin key loads adapters', async () => {
    const { post, headers } = await keyed({});
    const body = { lora_name: 'a', lora_path: 'a' };
    expect(await errorOf(await post('/v1/load_lora_adapter', body, headers))).toMatchObject({
      status: 403,
      code: 'admin_only',
    });
  });

  it('without keys: this machine only, and no pages of other sites', async () => {
    const { post, server, backend } = await rig();
    await expect(
      startHttpServer({ backend, baseModel: 'tiny', port: 0, host: '0.0.0.0' }),
    ).rejects.toMatchObject({
      code: 'keys_missing',
    });
    const foreign = await post('/v1/chat/completions', hi, { origin: 'https://evil.example' });
    expect(await errorOf(foreign)).toMatchObject({ status: 403, code: 'loopback_only' });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write('GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const piece of socket) text += String(piece);
    expect(text).toContain('403 Forbidden');
  });
});

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
