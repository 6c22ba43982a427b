// The routes of the HTTP server behind one gate, with one place where faults become answers. Used by http-server.ts.
// Invariant: every error is OpenAI's shape; 429 and 503 say when to come again; what went wrong inside is logged, not sent.
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import type { ServingBackend } from '../engine.ts';
import { createAdapterRegistry } from './adapter-registry.ts';
import type { ApiKey } from './api-keys.ts';
import { completionRoutes } from './completion-routes.ts';
import { errorBody, HttpFault, httpFault } from './errors.ts';
import { type GateVariables, httpGate } from './http-gate.ts';
import { createKeyLimits } from './key-limits.ts';
import { modelRoutes } from './model-routes.ts';
import type { WorkInProgress } from './work-in-progress.ts';

export interface HttpAppOptions {
  readonly backend: ServingBackend;
  /** The name clients ask for. */
  readonly baseModel: string;
  /** PEFT folders; undefined = no adapters. */
  readonly adaptersDir?: string;
  /** Undefined = open to programs of this machine. */
  readonly keys?: readonly ApiKey[];
  readonly bodyBytesMax: number;
  /** A client that takes nothing for so long is cut off. */
  readonly stallMs: number;
  readonly log: (line: string) => void;
}

interface Env {
  readonly Bindings: HttpBindings;
  readonly Variables: GateVariables;
}

export function createHttpApp(options: HttpAppOptions, work: WorkInProgress): Hono<Env> {
  const { backend, baseModel, keys, bodyBytesMax, stallMs, log } = options;
  const registry = createAdapterRegistry(options.adaptersDir);
  const limits = createKeyLimits();
  const onFault = (error: unknown): void => {
    const { facts, message } = httpFault(error);
    if (facts.status !== 500) return;
    log(`${message} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  };

  const app = new Hono<Env>();
  app.onError((error, context) => {
    const fault = httpFault(error);
    onFault(error);
    const { status, retryAfterMs } = fault.facts;
    if (retryAfterMs !== undefined) context.header('retry-after', `${Math.ceil(retryAfterMs / 1000)}`);
    if (status === 401) context.header('www-authenticate', 'Bearer');
    if (status === 413) context.header('connection', 'close');
    return context.json(errorBody(fault), status);
  });
  app.notFound((context) => {
    const { method, path } = context.req;
    const facts = { status: 404, type: 'invalid_request_error', code: 'unknown_url' } as const;
    return context.json(errorBody(new HttpFault(`Unknown request URL: ${method} ${path}.`, facts)), 404);
  });
  app.get('/health', (context) =>
    work.isDraining() ? context.json({ status: 'stopping' }, 503) : context.json({ status: 'ok' }),
  );
  app.use('*', httpGate(keys));
  app.route(
    '/',
    completionRoutes({ backend, baseModel, registry, limits, work, bodyBytesMax, stallMs, onFault }),
  );
  app.route('/', modelRoutes({ backend, baseModel, registry, bodyBytesMax }));
  return app;
}
