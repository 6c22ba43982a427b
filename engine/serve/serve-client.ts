// The serving worker seen from the main thread: token ids in, token events out. Used by local-engine.ts and the command
// line. It knows no text and no weights; it starts the worker, and starts another one when it dies.
// States: starting -> ready -> (died -> starting) -> closed. Invariants: every call ends in exactly one way; when the
// worker dies, calls under way fail with retry 'safe' and later ones go to its successor; the worker is never
// terminated from here, since ending a thread inside a native run may take the process with it.
import { availableParallelism } from 'node:os';
import type { AdapterRef, AdapterState } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { createEventQueue } from './event-queue.ts';
import type {
  FromWorker,
  LoadProgress,
  ServeWish,
  ServingInfo,
  ServingStats,
  TokenEvent,
  TokenRequest,
  ToWorker,
} from './serve-protocol.ts';
import { type LiveWorker, startServeWorker } from './serve-thread.ts';

export interface ServeClient {
  /** The longest context, in tokens. */
  readonly contextTokens: number;
  /** Resolves when the model is loaded. @throws EngineError of loading it */
  readonly ready: () => Promise<void>;
  /** What serves, as of the last start. */
  readonly info: () => ServingInfo;
  /**
   * Ends after one `done` event, or throws an EngineError. Aborting gives `done: cancelled`; so does nothing more
   * than leaving the loop, which frees the place of this request.
   */
  readonly generate: (request: TokenRequest, signal?: AbortSignal) => AsyncGenerator<TokenEvent, void, void>;
  /** nats per token after the first */
  readonly score: (ids: readonly number[], adapter?: AdapterRef) => Promise<readonly number[]>;
  readonly loadAdapter: (adapter: AdapterRef) => Promise<void>;
  /** Starts loading; never throws. */
  readonly prefetchAdapter: (adapter: AdapterRef) => void;
  readonly adapterState: (adapter: AdapterRef) => Promise<AdapterState>;
  readonly stats: () => Promise<ServingStats>;
  /** Waits for the step under way; calls under way fail. */
  readonly close: () => Promise<void>;
  /** For tests: the worker dies of an error nobody caught. */
  readonly crash: () => Promise<void>;
}

export interface ServeSettings extends Partial<Omit<ServeWish, 'modelDir'>> {
  readonly onWorkerDeath?: (cause: unknown) => void;
  /** While the model loads, again after a death. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** The model is loaded, again after a death. */
  readonly onReady?: (info: ServingInfo) => void;
}

interface ServeClientOptions extends ServeSettings {
  readonly modelDir: string;
}

interface Handlers {
  readonly onMessage: (message: FromWorker) => void;
  readonly onFailure: (error: EngineError) => void;
}

/** One core stays free for the rest of the program. */
export const usualThreads = Math.max(1, availableParallelism() - 1);

/** Longest context served, unless the model's own is shorter. */
export const contextTokensUsual = 4096;

const defaults = {
  threads: usualThreads,
  device: 'auto',
  weights: 'int8',
  contextTokensMax: contextTokensUsual,
  rowsMax: 16,
  tokensMax: Number.POSITIVE_INFINITY,
  queueMax: 64,
  pieceTokensMax: 128,
  adapterBytesMax: 1024 * 2 ** 20,
  prefixBytesMax: 1024 * 2 ** 20,
} as const satisfies Omit<ServeWish, 'modelDir'>;

/** Starts the worker and waits until the model is loaded. @throws EngineError of loading the model */
export async function createServeClient(options: ServeClientOptions): Promise<ServeClient> {
  const { onWorkerDeath, onProgress, onReady, ...given } = options;
  const data: ServeWish = { ...defaults, ...withoutUndefined(given), modelDir: given.modelDir };
  let closed = false;
  let closing: Promise<void> | undefined; // whoever closes again waits for the same end
  let nextCall = 1;

  const start = async (): Promise<LiveWorker> => {
    const worker = await startServeWorker(data, {
      onProgress,
      onDeath: (cause) => {
        if (closed) return;
        onWorkerDeath?.(cause);
        current = start();
        current.catch(() => undefined); // whoever calls next sees why, and starts the next attempt
      },
    });
    info = worker.info;
    onReady?.(info);
    return worker;
  };
  let info: ServingInfo | undefined;
  let current = start();

  const live = async (): Promise<LiveWorker> => {
    if (closed) throw closedError();
    const attempt = current;
    try {
      return await attempt;
    } catch (error) {
      if (current === attempt && !closed) {
        current = start();
        current.catch(() => undefined);
      }
      throw error;
    }
  };
  const first = await current;

  /** Sends one question and hands its answers to `handlers` until `release` is called or the worker dies. */
  const open = async (message: (call: number) => ToWorker, handlers: Handlers) => {
    const { post, calls } = await live();
    const call = nextCall++;
    calls.set(call, handlers);
    post(message(call));
    return {
      cancel: () => {
        if (calls.has(call)) post({ type: 'cancel', call });
      },
      release: () => calls.delete(call),
    };
  };

  /** A question with a single answer. */
  const ask = async <T extends FromWorker['type']>(
    expected: T,
    message: (call: number) => ToWorker,
  ): Promise<Extract<FromWorker, { type: T }>> => {
    const received = Promise.withResolvers<FromWorker>();
    const { release } = await open(message, { onMessage: received.resolve, onFailure: received.reject });
    const answer = await received.promise.finally(release);
    if (isOfType(answer, expected)) return answer;
    throw new Error(`bug: the worker answered with ${answer.type}, expected ${expected}`);
  };

  const close = async (): Promise<void> => {
    closed = true;
    const last = await current.catch(() => undefined);
    if (last === undefined) return;
    for (const { onFailure } of last.calls.values()) onFailure(closedError());
    last.post({ type: 'close' });
    await last.exited;
  };

  return {
    contextTokens: first.info.contextTokens,
    ready: async () => void (await live()),
    info: () => info ?? first.info,
    generate: async function* (request, signal) {
      const cancelled: TokenEvent = { type: 'done', reason: 'cancelled' };
      if (signal?.aborted) return yield cancelled;
      const events = createEventQueue<TokenEvent>();
      const { cancel, release } = await open((call) => ({ type: 'generate', call, request }), {
        onMessage: (message) => {
          if (message.type !== 'events') return;
          for (const { event } of message.events) events.push(event);
        },
        onFailure: events.fail,
      });
      if (signal?.aborted) cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        for (;;) {
          const event = await events.next();
          yield event;
          if (event.type === 'done') return;
        }
      } finally {
        signal?.removeEventListener('abort', cancel);
        cancel(); // without effect on a call that is done
        release();
      }
    },
    score: async (ids, adapter) =>
      (await ask('scored', (call) => ({ type: 'score', call, ids, adapter }))).nll,
    loadAdapter: async (adapter) => {
      await ask('adapter_loaded', (call) => ({ type: 'load_adapter', call, adapter }));
    },
    prefetchAdapter: (adapter) =>
      void live()
        .then(({ post }) => post({ type: 'prefetch_adapter', adapter }))
        .catch(() => undefined),
    adapterState: async (adapter) =>
      (await ask('adapter_state', (call) => ({ type: 'adapter_state', call, adapter }))).state,
    stats: async () => (await ask('stats', (call) => ({ type: 'stats', call }))).stats,
    close: () => {
      closing ??= close();
      return closing;
    },
    crash: async () => {
      const { post, exited } = await live();
      post({ type: 'crash' });
      await exited;
    },
  };
}

function isOfType<T extends FromWorker['type']>(
  message: FromWorker,
  type: T,
): message is Extract<FromWorker, { type: T }> {
  return message.type === type;
}

/** A setting that is given as undefined has its default. */
function withoutUndefined<T extends object>(settings: T): Partial<T> {
  const given: Partial<T> = { ...settings };
  for (const key of Object.keys(given) as (keyof T)[]) if (given[key] === undefined) delete given[key];
  return given;
}

function closedError(): EngineError {
  return new EngineError('the engine is closed', { code: 'engine_closed', retry: 'never' });
}
