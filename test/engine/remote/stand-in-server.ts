// What stand-ins of vLLM, SGLang and llama.cpp's server have in common: a strict HTTP server on this machine. A request
// it does not expect (address, method, header, field) is noted as a violation, and a test looks at those in the end.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as immediately } from 'node:timers/promises';

export type JsonBody = Readonly<Record<string, unknown>>;

/** JSON with a status, a text, or the events of a stream. */
export type StandInReply =
  | {
      readonly status: number;
      readonly json?: unknown;
      readonly text?: string;
      readonly headers?: Record<string, string>;
    }
  | { readonly events: Iterable<string> };

export interface StandIn {
  readonly url: string;
  /** What real servers would have refused or not understood. */
  readonly violations: readonly string[];
  /** Bodies of completions, newest last. */
  readonly asked: readonly JsonBody[];
  readonly running: () => number;
  /** Set to break the next completions. */
  readonly trouble: {
    /** Answers this instead. */
    reply?: StandInReply;
    /** Cuts the connection after so many events; 0 = before anything is said. */
    cutAfter?: number;
    /** Says nothing more after so many events. */
    hangAfter?: number;
    /** Splits what it sends into pieces of so many bytes. */
    pieceBytes?: number;
  };
  readonly stop: () => Promise<void>;
}

interface StandInOptions {
  readonly key?: string;
  readonly routes: Readonly<
    Record<string, (body: JsonBody, violate: (what: string) => void) => StandInReply>
  >;
  /** Which of the routes write answers. */
  readonly completions: readonly string[];
}

export async function startStandIn({ key, routes, completions }: StandInOptions): Promise<StandIn> {
  const violations: string[] = [];
  const asked: JsonBody[] = [];
  const trouble: StandIn['trouble'] = {};
  let running = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    const name = `${request.method} ${pathname}`;
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const body: JsonBody = text === '' ? {} : JSON.parse(text);
    if (text !== '' && request.headers['content-type'] !== 'application/json')
      violations.push(`${name}: content-type ${request.headers['content-type']}`);
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`)
      return reply(response, { status: 401, json: { error: { message: 'Unauthorized' } } });
    const route = routes[name];
    if (route === undefined) return reply(response, { status: 404, json: { detail: 'Not Found' } });
    const made = route(body, (what) => void violations.push(`${name}: ${what}`));
    if (!completions.includes(name)) return reply(response, made);
    asked.push(body);
    if (trouble.cutAfter === 0) return void request.socket.destroy();
    return reply(response, trouble.reply ?? made);
  };

  const reply = async (response: ServerResponse, made: StandInReply): Promise<void> => {
    if (!('events' in made)) {
      const json = made.text === undefined;
      response.writeHead(made.status, {
        'content-type': json ? 'application/json' : 'text/plain',
        ...made.headers,
      });
      response.end(json ? JSON.stringify(made.json) : made.text);
      return;
    }
    running += 1;
    response.once('close', () => {
      running -= 1;
    });
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    let sent = 0;
    for (const event of made.events) {
      if (sent === trouble.cutAfter) return void response.destroy();
      if (sent === trouble.hangAfter) return;
      const bytes = Buffer.from(event);
      const size = trouble.pieceBytes ?? bytes.length;
      for (let at = 0; at < bytes.length; at += size) {
        response.write(bytes.subarray(at, at + size));
        await immediately();
      }
      if (response.destroyed) return;
      sent += 1;
    }
    response.end();
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      violations.push(String(error));
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    violations,
    asked,
    running: () => running,
    trouble,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Fields that no server of this kind has. */
export function onlyFields(body: JsonBody, known: readonly string[], violate: (what: string) => void): void {
  for (const name of Object.keys(body)) if (!known.includes(name)) violate(`unknown field ${name}`);
}

export const dataLine = (json: unknown): string => `data: ${JSON.stringify(json)}\n\n`;

export function stopsOf({ stop }: JsonBody): readonly string[] {
  return stop === undefined ? [] : (stop as string[]);
}
