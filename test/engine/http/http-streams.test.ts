// Streams over HTTP: the line, clients that leave or take nothing, and a server that stops.
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { errorOf, eventsOf, hi, jsonOf, rig, until } from './http-rig.ts';

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
