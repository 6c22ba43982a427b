// Starts the serving worker thread and hands its messages to the calls they belong to. Used by serve-client.ts, which
// decides what happens when the thread ends. It knows no requests. Invariant: when the thread ends, every open call
// fails once, with retry 'safe'.
import { Worker } from 'node:worker_threads';
import { EngineError } from '../errors.ts';
import type {
  CallEvent,
  FromWorker,
  LoadProgress,
  ServeWorkerData,
  ServingInfo,
  ToWorker,
  WireError,
} from './serve-protocol.ts';

interface Call {
  readonly onMessage: (message: FromWorker) => void;
  readonly onFailure: (error: EngineError) => void;
}

export interface LiveWorker {
  readonly post: (message: ToWorker) => void;
  readonly info: ServingInfo;
  /** Open calls; whoever opens one puts it here and takes it out. */
  readonly calls: Map<number, Call>;
  readonly exited: Promise<void>;
}

interface ThreadHandlers {
  readonly onProgress: ((progress: LoadProgress) => void) | undefined;
  /** Once, if the thread ends after it was ready. */
  readonly onDeath: (cause: unknown) => void;
}

/** Resolves when the model is loaded. @throws EngineError of loading it | `worker_died` */
export function startServeWorker(data: ServeWorkerData, handlers: ThreadHandlers): Promise<LiveWorker> {
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
    switch (message.type) {
      case 'progress':
        return handlers.onProgress?.(message.progress);
      case 'ready': {
        loaded = true;
        const post = (sent: ToWorker): void => worker.postMessage(sent);
        return ready.resolve({ post, info: message.info, calls, exited: exited.promise });
      }
      case 'start_failed':
        return ready.reject(engineError(message.error));
      case 'failed':
        return calls.get(message.call)?.onFailure(engineError(message.error));
      case 'events':
        for (const [call, events] of byCall(message.events))
          calls.get(call)?.onMessage({ type: 'events', events });
        return;
      default:
        return calls.get(message.call)?.onMessage(message);
    }
  });
  worker.on('exit', (exitCode) => {
    const why = cause === undefined ? `exit code ${exitCode}` : String(cause);
    const died = new EngineError(`the serving worker ended (${why})`, {
      code: 'worker_died',
      retry: 'safe',
      cause,
    });
    for (const { onFailure } of calls.values()) onFailure(died);
    calls.clear();
    if (loaded) handlers.onDeath(cause ?? died);
    else ready.reject(died);
    exited.resolve();
  });
  return ready.promise;
}

function byCall(events: readonly CallEvent[]): ReadonlyMap<number, readonly CallEvent[]> {
  return Map.groupBy(events, ({ call }) => call);
}

function engineError({ message, ...options }: WireError): EngineError {
  return new EngineError(message, options);
}
