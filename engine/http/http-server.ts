// The OpenAI-compatible HTTP server over any serving backend, so that engine and bots can run on different machines.
// Used by serve-cli.ts and tests. It knows no people and no money; a key is a name and its limits. The backend is the
// caller's: it is not closed here. States: listening -> draining (answers under way end) -> closed.
// Plain HTTP: put a reverse proxy with TLS in front of it where the network is not yours.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { EngineError } from '../errors.ts';
import { createHttpApp, type HttpAppOptions } from './http-app.ts';
import { isLoopbackHost } from './http-gate.ts';
import { createWorkInProgress } from './work-in-progress.ts';

interface HttpServerOptions
  extends Pick<HttpAppOptions, 'backend' | 'baseModel' | 'adaptersDir' | 'keys'>,
    Partial<Pick<HttpAppOptions, 'bodyBytesMax' | 'stallMs' | 'log'>> {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 = any free one. */
  readonly port: number;
}

export interface HttpServer {
  /** Without a slash at the end. */
  readonly url: string;
  /** Takes no new work, lets answers under way end for at most `waitMs`, then closes every connection. */
  readonly stop: (waitMs?: number) => Promise<void>;
}

const defaults = { host: '127.0.0.1', bodyBytesMax: 4 * 2 ** 20, stallMs: 60_000 } as const;
const drainMsDefault = 30_000;

/** @throws EngineError `keys_missing` (an open server only on this machine); the system's error when the port is taken */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host = defaults.host, port, keys, log = () => undefined } = options;
  if (!isLoopbackHost(host) && keys === undefined)
    throw new EngineError(`without API keys the server listens on this machine only, not on ${host}`, {
      code: 'keys_missing',
      retry: 'never',
    });
  const work = createWorkInProgress();
  const { bodyBytesMax = defaults.bodyBytesMax, stallMs = defaults.stallMs } = options;
  const app = createHttpApp({ ...options, bodyBytesMax, stallMs, log }, work);
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  let stopping: Promise<void> | undefined;
  const stop = async (waitMs: number): Promise<void> => {
    await work.drain(waitMs);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // What was written may still be on its way to a client: a moment for it.
    const last = setTimeout(() => server.closeAllConnections(), 1000);
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    await closed;
    clearInterval(idle);
    clearTimeout(last);
  };
  return {
    url: `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${bound}`,
    stop: (waitMs = drainMsDefault) => {
      stopping ??= stop(waitMs);
      return stopping;
    },
  };
}
