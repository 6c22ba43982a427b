// POST /v1/chat/completions and /v1/completions: one request of the engine each, streamed or whole. Used by http-app.ts.
// It knows no model files. Invariants: every place taken (limits, work in progress) is given back once, whatever ends
// the request; a client that leaves ends its generation; an error before the first event has its own HTTP status, a
// later one is the last event of the stream and no [DONE] follows it.
import { randomUUID } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { GenerateEvent, GenerateRequest, ServingBackend, TokenLogprob } from '../engine.ts';
import type { AdapterRegistry } from './adapter-registry.ts';
import type { ApiKey } from './api-keys.ts';
import { type CompletionCall, chatCall, textCall } from './completion-body.ts';
import { type CompletionShape, completionShape } from './completion-shape.ts';
import { errorBody, HttpFault, httpFault, modelNotFound } from './errors.ts';
import type { GateVariables } from './http-gate.ts';
import { readJsonBody } from './json-body.ts';
import type { KeyLimits } from './key-limits.ts';
import { sseComment, sseData, sseDone, sseStream } from './sse-stream.ts';
import type { WorkInProgress } from './work-in-progress.ts';

interface CompletionDeps {
  readonly backend: ServingBackend;
  /** The name of the base model. */
  readonly baseModel: string;
  readonly registry: AdapterRegistry;
  readonly limits: KeyLimits;
  readonly work: WorkInProgress;
  readonly bodyBytesMax: number;
  readonly stallMs: number;
  /** A fault of the engine that reached a client in the middle of a stream. */
  readonly onFault: (error: unknown) => void;
}

interface Env {
  readonly Bindings: HttpBindings;
  readonly Variables: GateVariables;
}

export function completionRoutes(deps: CompletionDeps): Hono<Env> {
  const { backend, bodyBytesMax } = deps;
  return new Hono<Env>()
    .post('/v1/chat/completions', async (context) => {
      const body = await readJsonBody(context, bodyBytesMax);
      return answer(deps, context, chatCall(body, backend.contextTokens));
    })
    .post('/v1/completions', async (context) =>
      answer(deps, context, textCall(await readJsonBody(context, bodyBytesMax))),
    );
}

async function answer(deps: CompletionDeps, context: Context<Env>, call: CompletionCall): Promise<Response> {
  const { backend, baseModel } = deps;
  const key = context.get('key');
  const request = await requestOf(deps, call, key);
  const place = takePlace(deps, context, key, request.maxTokens);
  const left = new AbortController();
  const signal = AbortSignal.any([context.req.raw.signal, left.signal, place.signal]);
  const events = backend.generate(request, signal)[Symbol.asyncIterator]();
  const shape = completionShape({
    kind: call.kind,
    id: `${call.kind === 'chat' ? 'chatcmpl' : 'cmpl'}-${randomUUID()}`,
    model: call.model ?? baseModel,
    created: Math.floor(Date.now() / 1000),
    usage: call.usage,
  });
  const counted = counting(events, place.end);
  try {
    // Waits for the first event: what is wrong with the request shows before a status is sent.
    const first = await counted.next();
    if (!call.stream) return context.json(await wholeAnswer(first, counted, shape));
    const source = eventLines(first, counted, shape, deps.onFault);
    const { outgoing } = context.env;
    // The place is given back when the engine has stopped, with what it made: leaving early is no way around a limit.
    const body = sseStream({
      source,
      onLeft: () => left.abort(),
      cutOff: () => outgoing.destroy(),
      stallMs: deps.stallMs,
    });
    return context.body(body, 200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
  } catch (error) {
    place.end(0);
    throw error;
  }
}

/** The engine's request: the adapter behind the model's name, and whose turn it is. */
async function requestOf(
  { baseModel, registry }: CompletionDeps,
  { model, request }: CompletionCall,
  key: ApiKey | undefined,
): Promise<GenerateRequest> {
  const { fairnessKey: user } = request;
  const fairnessKey = key === undefined ? user : `${key.name}:${user ?? ''}`;
  if (model === undefined || model === baseModel) return { ...request, fairnessKey };
  const adapter = await registry.find(model);
  if (adapter === undefined) throw modelNotFound(model);
  return { ...request, fairnessKey, adapter: adapter.ref };
}

interface Place {
  readonly signal: AbortSignal;
  /** Later calls have no effect. @param tokens used, prompt and answer */
  readonly end: (tokens: number) => void;
}

/** @throws HttpFault 429 (a limit of the key) | 503 (the server is stopping) */
function takePlace(
  { limits, work }: CompletionDeps,
  context: Context<Env>,
  key: ApiKey | undefined,
  tokensMax: number,
): Place {
  const taken = key === undefined ? undefined : limits.take(key, tokensMax);
  if (taken?.ok === false)
    throw new HttpFault(`The limit of ${taken.limit} of this key is reached.`, {
      status: 429,
      type: 'rate_limit_error',
      code: 'rate_limit_exceeded',
      retryAfterMs: taken.retryAfterMs,
    });
  const begun = work.begin();
  if (begun === undefined) {
    taken?.giveBack(0);
    throw new HttpFault('The server is stopping.', {
      status: 503,
      type: 'server_error',
      code: 'engine_closed',
      retryAfterMs: 5000,
    });
  }
  if (taken?.requestsLeft !== undefined)
    context.header('x-ratelimit-remaining-requests', `${taken.requestsLeft}`);
  if (taken?.tokensLeft !== undefined) context.header('x-ratelimit-remaining-tokens', `${taken.tokensLeft}`);
  let over = false;
  return {
    signal: begun.signal,
    end: (tokens) => {
      if (over) return;
      over = true;
      taken?.giveBack(tokens);
      begun.end();
    },
  };
}

/** The same events; when they end in any way, the place is given back with what was used. */
async function* counting(
  events: AsyncIterator<GenerateEvent>,
  end: (tokens: number) => void,
): AsyncGenerator<GenerateEvent, void, void> {
  let promptTokens = 0;
  let completionTokens = 0;
  try {
    for (let next = await events.next(); !next.done; next = await events.next()) {
      const { value: event } = next;
      if (event.type === 'start') promptTokens = event.promptTokens;
      if (event.type === 'text') completionTokens = event.completionTokens;
      if (event.type === 'done') ({ promptTokens, completionTokens } = event.usage);
      yield event;
    }
  } finally {
    end(promptTokens + completionTokens);
    await events.return?.();
  }
}

type Next = IteratorResult<GenerateEvent, void>;

async function wholeAnswer(
  first: Next,
  rest: AsyncGenerator<GenerateEvent, void, void>,
  shape: CompletionShape,
): Promise<object> {
  const logprobs: TokenLogprob[] = [];
  let withLogprobs = false;
  let dropped = 0;
  for (let next = first; !next.done; next = await rest.next()) {
    const { value: event } = next;
    if (event.type === 'start') dropped = event.droppedMessages;
    if (event.type === 'text' && event.logprobs !== undefined) {
      withLogprobs = true;
      logprobs.push(...event.logprobs);
    }
    if (event.type === 'done') {
      await rest.return();
      return shape.whole(event, withLogprobs ? logprobs : undefined, dropped);
    }
  }
  throw new Error('bug: the engine ended without a done event');
}

async function* eventLines(
  first: Next,
  rest: AsyncGenerator<GenerateEvent, void, void>,
  shape: CompletionShape,
  onFault: (error: unknown) => void,
): AsyncGenerator<string, void, void> {
  try {
    for (let next = first; !next.done; next = await rest.next()) {
      const { value: event } = next;
      if (event.type === 'queued') yield sseComment(`queued ${event.position}`);
      for (const chunk of shape.chunks(event)) yield sseData(chunk);
    }
    yield sseDone;
  } catch (error) {
    onFault(error);
    yield sseData(errorBody(httpFault(error)));
  } finally {
    await rest.return();
  }
}
