// A server over a scripted backend for one test, and what the tests of it read of answers. Used by test/engine/http/.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { type HttpServer, startHttpServer } from '../../../engine/http/http-server.ts';
import { type ScriptedBackend, scriptedBackend } from './scripted-backend.ts';

export interface Rig {
  readonly backend: ScriptedBackend;
  readonly server: HttpServer;
  readonly log: string[];
  readonly post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Response>;
}

export async function rig(options: Partial<Parameters<typeof startHttpServer>[0]> = {}): Promise<Rig> {
  const backend = scriptedBackend();
  const log: string[] = [];
  const server = await startHttpServer({
    backend,
    baseModel: 'tiny',
    port: 0,
    log: (line) => log.push(line),
    ...options,
  });
  onTestFinished(() => server.stop(0));
  const post: Rig['post'] = (path, body, headers) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { backend, server, log, post };
}

export const hi = { model: 'tiny', messages: [{ role: 'user', content: 'hi there' }] };

export async function errorOf(response: Response): Promise<Record<string, unknown>> {
  const { error, ...rest } = (await response.json()) as { error: Record<string, unknown> };
  expect(rest).toEqual({});
  expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code']);
  return { status: response.status, ...error };
}

/** The data of each event, JSON parsed; comments apart. */
export async function eventsOf(response: Response): Promise<{ data: Json[]; comments: string[] }> {
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const blocks = (await response.text()).split('\n\n').filter((block) => block !== '');
  const data = blocks.filter((block) => block.startsWith('data: ')).map((block) => block.slice(6));
  return {
    data: data.map((text) => (text === '[DONE]' ? text : JSON.parse(text))),
    comments: blocks.filter((block) => block.startsWith(': ')).map((block) => block.slice(2)),
  };
}

/** What these tests read of bodies and chunks. */
export interface Json {
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

export async function jsonOf(response: Response): Promise<Json> {
  return (await response.json()) as Json;
}

export async function until(what: () => boolean): Promise<void> {
  while (!what()) await sleep(2);
}
