// The serving loop: owns the model, its rows and the adapters, and answers the messages of serve-protocol.ts. Run in a
// thread by serve-worker.ts, or in a process by serve-process-main.ts; serve-host.ts says when which. It knows no text,
// no people and no money. `session.run` blocks its thread, which is why it has one to itself. Invariants: a fault of one
// call is reported for that call and ends nothing else; it ends by itself, between steps, never inside a run.
import { EngineError } from '../errors.ts';
import { createAdapterPool } from './adapter-pool.ts';
import { openSession } from './open-session.ts';
import { createPrefixStore } from './prefix-store.ts';
import { createScheduler } from './scheduler.ts';
import type { FromWorker, LoadProgress, ServeWorkerData, ToWorker, WireError } from './serve-protocol.ts';

/** The other side, as a thread or a process has it. It sends nothing before it was told `ready`. */
export interface ServePort {
  readonly post: (message: FromWorker) => void;
  readonly listen: (handler: (message: ToWorker) => void) => void;
  /** Nothing more will be sent; the thread or process ends. */
  readonly close: () => void;
}

/** Loads the model and serves until it is told to close. */
export async function serveModel({ post, listen, close }: ServePort, data: ServeWorkerData): Promise<void> {
  let opened: Awaited<ReturnType<typeof openSession>>;
  try {
    opened = await openSession(data, inPercents(post));
  } catch (error) {
    post({ type: 'start_failed', error: wireError(error) });
    return close();
  }
  const { session, adapterBytesMax, prefixBytesMax } = opened;
  const adapters = createAdapterPool({ config: session.config, bytesMax: adapterBytesMax });
  const fail = (call: number, error: unknown): void =>
    post({ type: 'failed', call, error: wireError(error) });
  const prefixes = createPrefixStore(opened.kvTokenBytes, prefixBytesMax);
  const scheduler = createScheduler({
    session,
    adapters,
    prefixes,
    tokensMax: data.tokensMax,
    queueMax: data.queueMax,
    pieceTokensMax: data.pieceTokensMax,
    onEvents: (events) => post({ type: 'events', events }),
    onScore: (call, nll) => post({ type: 'scored', call, nll }),
    onFailure: fail,
  });

  const handle = async (message: ToWorker): Promise<void> => {
    switch (message.type) {
      case 'generate':
        return scheduler.submit(message.call, message.request);
      case 'cancel':
        return scheduler.cancel(message.call);
      case 'score':
        return scheduler.submitScore(message.call, message.ids, message.adapter);
      case 'load_adapter':
        await adapters.load(message.adapter);
        return post({ type: 'adapter_loaded', call: message.call });
      case 'prefetch_adapter':
        return adapters.prefetch(message.adapter);
      case 'adapter_state':
        return post({ type: 'adapter_state', call: message.call, state: adapters.state(message.adapter) });
      case 'stats': {
        const stats = { ...scheduler.stats(), adapters: adapters.stats(), prefixBytes: prefixes.bytes() };
        return post({ type: 'stats', call: message.call, stats });
      }
      case 'close':
        await scheduler.stop();
        await session.release();
        return close();
      case 'crash':
        setImmediate(() => {
          throw new Error('the serving worker was told to crash');
        });
    }
  };
  listen((message) => {
    handle(message).catch((error: unknown) => {
      if (!('call' in message)) throw error;
      fail(message.call, error);
    });
  });
  const { contextTokens, rowsMax, device, weights, kvMode } = session;
  const residentBytes = session.residentBytes();
  const sizes = { contextTokens, rowsMax, residentBytes, adapterBytesMax, prefixBytesMax };
  post({ type: 'ready', info: { ...sizes, device, weights, kvMode } });
}

/** Progress of loading, a message for each percent at most. */
function inPercents(post: (message: FromWorker) => void): (progress: LoadProgress) => void {
  let told = -1;
  return (progress) => {
    const percent = Math.floor((100 * progress.readBytes) / progress.totalBytes);
    if (percent === told) return;
    told = percent;
    post({ type: 'progress', progress });
  };
}

function wireError(error: unknown): WireError {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof EngineError)) return { code: 'serving_failed', message, retry: 'safe' };
  return { code: error.code, message, retry: error.retry, retryAfterMs: error.retryAfterMs };
}
