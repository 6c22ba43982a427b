// The serving worker seen from the main thread: token ids in, token events out. Used by local-engine.ts and the command
// line. It knows no text and no weights; it starts the worker, and starts another one when it dies.
// States: starting -> ready -> (died -> starting) -> closed. Invariants: every call ends in exactly one way; when the
// worker dies, calls under way fail with retry 'safe' and later ones go to its successor; the worker is never
// terminated from here, since ending a thread inside a native run may take the process with it.
import { Worker } from 'node:worker_threads';
import type { AdapterRef } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { createEventQueue } from './event-queue.ts';
import type {
  FromWorker,
  ServeWorkerData,
  TokenEvent,
  TokenRequest,
  ToWorker,
  WireError,
} from './serve-protocol.ts';

export interface ServeClient {
  /** The longest context, in tokens. */
  readonly contextTokens: number;
  /**
   * Ends after one `done` event, or throws an EngineError. Aborting gives `done: cancelled`; so does nothing more
   * than leaving the loop, which frees the place of this request.
   */
  readonly generate: (request: TokenRequest, signal?: AbortSignal) => AsyncGenerator<TokenEvent, void, void>;
  /** nats per token after the first */
  readonly score: (ids: readonly number[], adapter?: AdapterRef) => Promise<readonly number[]>;
  readonly loadAdapter: (adapter: AdapterRef) => Promise<void>;
  /** Waits for the step under way; calls under way fail. */
  readonly close: () => Promise<void>;
  /** For tests: the worker dies of an error nobody caught. */
  readonly crash: () => Promise<void>;
}

interface ServeClientOptions extends Partial<Omit<ServeWorkerData, 'modelDir'>> {
  readonly modelDir: string;
  readonly onWorkerDeath?: (cause: unknown) => void;
}

interface Call {
  readonly onMessage: (message: FromWorker) => void;
  readonly onFailure: (error: EngineError) => void;
}

interface LiveWorker {
  readonly worker: Worker;
  readonly contextTokens: number;
  readonly calls: Map<number, Call>;
  readonly exited: Promise<void>;
}

const defaults = {
  threads: 1,
  contextTokensMax: 4096,
  activeMax: 4,
  queueMax: 64,
  adapterBytesMax: 256 * 2 ** 20,
} as const;

/** Starts the worker and waits until the model is loaded. @throws EngineError of loading the model */
export async function createServeClient(options: ServeClientOptions): Promise<ServeClient> {
  const { onWorkerDeath, ...given } = options;
  const data: ServeWorkerData = { ...defaults, ...given };
  let closed = false;
  let nextCall = 1;

  const start = (): Promise<LiveWorker> =>
    startWorker(data, (cause) => {
      if (closed) return;
      onWorkerDeath?.(cause);
      current = start();
      current.catch(() => undefined); // whoever calls next sees why, and starts the next attempt
    });
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
  const { contextTokens } = await current;

  /** Sends one question and hands its answers to `handlers` until `release` is called or the worker dies. */
  const open = async (message: (call: number) => ToWorker, handlers: Call) => {
    const { worker, calls } = await live();
    const call = nextCall++;
    calls.set(call, handlers);
    worker.postMessage(message(call));
    return {
      cancel: () => {
        if (calls.has(call)) worker.postMessage({ type: 'cancel', call } satisfies ToWorker);
      },
      release: () => calls.delete(call),
    };
  };

  /** A question with a single answer. */
  const ask = async (message: (call: number) => ToWorker): Promise<FromWorker> => {
    const answer = Promise.withResolvers<FromWorker>();
    const { release } = await open(message, { onMessage: answer.resolve, onFailure: answer.reject });
    return answer.promise.finally(release);
  };

  return {
    contextTokens,
    generate: async function* (request, signal) {
      const cancelled: TokenEvent = { type: 'done', reason: 'cancelled' };
      if (signal?.aborted) return yield cancelled;
      const events = createEventQueue<TokenEvent>();
      const { cancel, release } = await open((call) => ({ type: 'generate', call, request }), {
        onMessage: (message) => {
          if (message.type === 'event') events.push(message.event);
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
    score: async (ids, adapter) => {
      const answer = await ask((call) => ({ type: 'score', call, ids, adapter }));
      if (answer.type !== 'scored') throw new Error(`bug: the worker answered score with ${answer.type}`);
      return answer.nll;
    },
    loadAdapter: async (adapter) => {
      await ask((call) => ({ type: 'load_adapter', call, adapter }));
    },
    close: async () => {
      if (closed) return;
      closed = true;
      const last = await current.catch(() => undefined);
      if (last === undefined) return;
      for (const { onFailure } of last.calls.values()) onFailure(closedError());
      last.worker.postMessage({ type: 'close' } satisfies ToWorker);
      await last.exited;
    },
    crash: async () => {
      const { worker, exited } = await live();
      worker.postMessage({ type: 'crash' } satisfies ToWorker);
      await exited;
    },
  };
}

/** Resolves when the model is loaded; `onDeath` is called once if the worker ends after that. */
function startWorker(data: ServeWorkerData, onDeath: (cause: unknown) => void): Promise<LiveWorker> {
  const ready = Promise.withResolvers<LiveWorker>();
  const exited = Promise.withResolvers<void>();
  const worker = new Worker(new URL('./serve-worker.ts', import.meta.url), { workerData: data });
  const calls = new Map<number, Call>();
  let cause: unknown;
  let loaded = false;
  worker.on('error', (error) => {
    cause = error;
  });
  worker.on('message', (message: FromWorker) => {
    if (message.type === 'ready') {
      loaded = true;
      ready.resolve({ worker, contextTokens: message.contextTokens, calls, exited: exited.promise });
    } else if (message.type === 'start_failed') {
      ready.reject(engineError(message.error));
    } else if (message.type === 'failed') {
      calls.get(message.call)?.onFailure(engineError(message.error));
    } else {
      calls.get(message.call)?.onMessage(message);
    }
  });
  worker.on('exit', (exitCode) => {
    const died = new EngineError(`the serving worker ended (exit code ${exitCode})`, {
      code: 'worker_died',
      retry: 'safe',
      cause,
    });
    for (const { onFailure } of calls.values()) onFailure(died);
    calls.clear();
    if (loaded) onDeath(cause ?? died);
    else ready.reject(died);
    exited.resolve();
  });
  return ready.promise;
}

function engineError({ message, ...options }: WireError): EngineError {
  return new EngineError(message, options);
}

function closedError(): EngineError {
  return new EngineError('the engine is closed', { code: 'engine_closed', retry: 'never' });
}
