// Who may ask our HTTP server, and how much: keys, their limits, and a server without keys.
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addApiKey, readApiKeys } from '../../../engine/http/api-keys.ts';
import { startHttpServer } from '../../../engine/http/http-server.ts';
import { testFolder } from '../model/test-folder.ts';
import { errorOf, hi, rig, until } from './http-rig.ts';

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

  it('leaving in the middle is no way around the limit: what was made is counted', async () => {
    const { server, headers, backend, ask } = await keyed({ tokensPerMinute: 100 });
    backend.script.answer = Array(60).fill('word').join(' ');
    const leave = new AbortController();
    backend.script.before = (word, signal) =>
      word < 50
        ? Promise.resolve()
        : new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));
    const asked = fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ ...hi, stream: true, max_tokens: 60 }),
      signal: leave.signal,
    });
    await (await asked).body?.getReader().read();
    await until(() => backend.words() === 50);
    leave.abort();
    await until(() => backend.running() === 0);
    // 5 of the prompt and 50 of the answer are gone
    expect((await ask({ max_tokens: 60 })).status).toBe(429);
    backend.script = { answer: 'one' };
    expect((await ask({ max_tokens: 30 })).status).toBe(200);
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
