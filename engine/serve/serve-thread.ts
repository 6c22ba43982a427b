// Starts the serving worker (a thread, or a process for a GPU) and hands its messages to the calls they belong to. Used by
// serve-client.ts, which decides what happens when the worker ends. It knows no requests. Invariant: when the worker
// ends, every open call fails once, with retry 'safe'.
import { EngineError } from '../errors.ts';
import { chooseDevice } from './choose-device.ts';
import { startServeHost } from './serve-host.ts';
import type {
  CallEvent,
  FromWorker,
  LoadProgress,
  ServeWish,
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
  /** Once, if the worker ends after it was ready. */
  readonly onDeath: (cause: unknown) => void;
}

/** Resolves when the model is loaded. @throws EngineError of loading it | `device_unavailable` | `worker_died` */
export async function startServeWorker(settings: ServeWish, handlers: ThreadHandlers): Promise<LiveWorker> {
  const { device, reason } = await chooseDevice(settings.device);
  const data = { ...settings, device };
  const ready = Promise.withResolvers<LiveWorker>();
  const exited = Promise.withResolvers<void>();
  const calls = new Map<number, Call>();
  let loaded = false;
  const onMessage = (message: FromWorker): void => {
    if (message.type === 'progress') handlers.onProgress?.(message.progress);
    else if (message.type === 'ready') {
      loaded = true;
      ready.resolve({ post, info: { ...message.info, reason }, calls, exited: exited.promise });
    } else if (message.type === 'start_failed') ready.reject(engineError(message.error));
    else if (message.type === 'failed') calls.get(message.call)?.onFailure(engineError(message.error));
    else if (message.type === 'events') {
      for (const [call, events] of byCall(message.events))
        calls.get(call)?.onMessage({ type: 'events', events });
    } else calls.get(message.call)?.onMessage(message);
  };
  const onExit = (how: string, cause: unknown): void => {
    const why = cause === undefined ? how : String(cause);
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
  };
  const post = startServeHost(data, { onMessage, onExit });
  return ready.promise;
}

function byCall(events: readonly CallEvent[]): ReadonlyMap<number, readonly CallEvent[]> {
  return Map.groupBy(events, ({ call }) => call);
}

function engineError({ message, ...options }: WireError): EngineError {
  return new EngineError(message, options);
}
