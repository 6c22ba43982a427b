// Several requests generated side by side on one model: in each round every active request gets one step, a chunk of
// its prompt or one new token. Used by the worker. It knows no text and no threads.
// States of a request: queued -> prefill -> decode -> gone; it ends with one `done` event or one failure.
// Invariants: at most one step runs at a time; the steps of a request are the same alone or beside others, so its
// tokens are too; cancelling takes effect between steps; a failing request leaves the others alone.
import { EngineError } from '../errors.ts';
import type { LoraRows } from './lora-rows.ts';
import { createSampler, type Sampler } from './sampler.ts';
import type { DoneReason, TokenEvent, TokenRequest } from './serve-protocol.ts';
import type { KvCache, ServeSession } from './serve-session.ts';

/** Prompt tokens of one step: small enough that other requests' tokens keep flowing. */
const chunkTokens = 64;
/** What a refused caller is told to wait: about one short answer. */
const busyRetryMs = 2000;

export interface SchedulerOptions {
  readonly session: ServeSession;
  readonly activeMax: number;
  readonly queueMax: number;
  readonly loadAdapter: (adapter: NonNullable<TokenRequest['adapter']>) => LoraRows;
  readonly onEvent: (call: number, event: TokenEvent) => void;
  readonly onFailure: (call: number, error: unknown) => void;
}

interface Scheduler {
  /** @throws EngineError `engine_busy` | `sampling_invalid` | `prompt_too_long` | those of loading the adapter */
  readonly submit: (call: number, request: TokenRequest) => void;
  /** Ends a request with `done: cancelled`; an unknown or finished call is ignored. */
  readonly cancel: (call: number) => void;
  /** Runs `work` between steps, when no step is under way. */
  readonly between: <T>(work: () => Promise<T>) => Promise<T>;
}

interface Job {
  readonly call: number;
  readonly request: TokenRequest;
  readonly stopIds: ReadonlySet<number>;
  readonly sample: Sampler;
  readonly lora: LoraRows | undefined;
  cancelled: boolean;
}

interface ActiveJob extends Job {
  readonly cache: KvCache;
  /** The token to feed next; undefined while the prompt is being read. */
  lastId: number | undefined;
  generated: number;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { session, activeMax, queueMax, onEvent, onFailure } = options;
  const queue: Job[] = [];
  const active: ActiveJob[] = [];
  const errands: (() => Promise<void>)[] = [];
  const freeCaches: KvCache[] = [];
  let running = false;

  const admit = (): void => {
    while (active.length < activeMax) {
      const job = queue.shift();
      if (job === undefined) return;
      const cache = freeCaches.pop() ?? session.newCache();
      active.push({ ...job, cache, lastId: undefined, generated: 0 });
    }
  };

  const leave = (job: ActiveJob): void => {
    active.splice(active.indexOf(job), 1);
    session.resetCache(job.cache);
    freeCaches.push(job.cache);
  };

  /** One step of one request. Returns why it ended, or undefined if it goes on. */
  const advance = async (job: ActiveJob): Promise<DoneReason | undefined> => {
    const { cache, request, lora } = job;
    if (job.cancelled) return 'cancelled';
    const { promptIds } = request;
    const reading = job.lastId === undefined;
    const ids =
      job.lastId === undefined ? promptIds.slice(cache.length, cache.length + chunkTokens) : [job.lastId];
    const logits = await session.step({ cache, ids, lora, logits: 'last' });
    if (cache.length < promptIds.length) return undefined;
    if (reading) onEvent(job.call, { type: 'start', promptTokens: promptIds.length });
    const id = job.sample(logits);
    if (job.stopIds.has(id)) return 'stop';
    job.lastId = id;
    job.generated += 1;
    onEvent(job.call, { type: 'token', id });
    const full = promptIds.length + job.generated >= session.contextTokens;
    return full || job.generated >= request.maxTokens ? 'length' : undefined;
  };

  const round = async (): Promise<void> => {
    admit();
    for (const job of [...active]) {
      try {
        const reason = await advance(job);
        if (reason === undefined) continue;
        leave(job);
        onEvent(job.call, { type: 'done', reason });
      } catch (error) {
        leave(job);
        onFailure(job.call, error);
      }
    }
  };

  const runUntilIdle = async (): Promise<void> => {
    if (running) return;
    running = true;
    while (errands.length + queue.length + active.length > 0) {
      await errands.shift()?.();
      await round();
      // Lets messages in, such as a cancellation, even if no step ran.
      await new Promise((resolve) => setImmediate(resolve));
    }
    running = false;
  };

  return {
    submit: (call, request) => {
      checkRequest(request, session.contextTokens);
      if (queue.length >= queueMax && active.length >= activeMax)
        throw new EngineError(`${active.length} answers are being written and ${queue.length} wait`, {
          code: 'engine_busy',
          retry: 'after',
          retryAfterMs: busyRetryMs,
        });
      const lora = request.adapter && options.loadAdapter(request.adapter);
      const stopIds = new Set(request.stopIds);
      queue.push({ call, request, stopIds, sample: createSampler(request), lora, cancelled: false });
      void runUntilIdle();
    },
    cancel: (call) => {
      const waiting = queue.findIndex((job) => job.call === call);
      if (waiting >= 0) {
        queue.splice(waiting, 1);
        onEvent(call, { type: 'done', reason: 'cancelled' });
      }
      const job = active.find((candidate) => candidate.call === call);
      if (job) job.cancelled = true;
    },
    between: <T>(work: () => Promise<T>) => {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      errands.push(() => work().then(resolve, reject));
      void runUntilIdle();
      return promise;
    },
  };
}

function checkRequest({ promptIds, maxTokens }: TokenRequest, contextTokens: number): void {
  if (!(Number.isInteger(maxTokens) && maxTokens >= 1))
    throw new EngineError(`maxTokens is ${maxTokens}, expected 1 or more`, {
      code: 'sampling_invalid',
      retry: 'never',
    });
  if (promptIds.length === 0)
    throw new EngineError('the prompt is empty', { code: 'prompt_empty', retry: 'never' });
  if (promptIds.length >= contextTokens)
    throw new EngineError(
      `the prompt has ${promptIds.length} tokens; at most ${contextTokens - 1} fit, so that one can follow`,
      { code: 'prompt_too_long', retry: 'never' },
    );
}
