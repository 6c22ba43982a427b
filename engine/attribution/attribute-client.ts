// The attribution worker seen from the main thread. Used by the engine's facade. It knows no model; it starts the worker
// with the first call and starts another one after it died.
// States: idle -> running -> (died -> idle) -> closed. Invariants: every call ends in exactly one way; when the worker
// dies, calls under way fail with retry 'safe'; the worker is never terminated from here, since ending a thread inside
// a native run may take the process with it.
import { Worker } from 'node:worker_threads';
import type { AttributeRequest, SampleShares } from '../engine.ts';
import { EngineError } from '../errors.ts';
import {
  type AttributeWorkerData,
  errorOf,
  type FromAttributeWorker,
  type ToAttributeWorker,
} from './attribute-protocol.ts';

export interface AttributeClient {
  /**
   * Shares of one answer. Calls wait for each other. @throws EngineError `worker_died` (retry 'safe') |
   * `engine_closed` | `store_missing` | `store_malformed` | `store_tampered` | `store_mismatch` | of loading the model
   */
  attribute(request: AttributeRequest): Promise<SampleShares>;
  /** Waits for the calls under way. */
  close(): Promise<void>;
  /** For tests: the worker dies of an error nobody caught. */
  crash(): void;
}

interface AttributeClientOptions extends Partial<Omit<AttributeWorkerData, 'modelDir'>> {
  readonly modelDir: string;
}

interface LiveWorker {
  readonly worker: Worker;
  readonly calls: Map<number, PromiseWithResolvers<SampleShares>>;
  readonly exited: Promise<void>;
}

const defaults = { threads: 1, storeBytesMax: 512 * 2 ** 20 } as const;

export function createAttributeClient(options: AttributeClientOptions): AttributeClient {
  const data: AttributeWorkerData = { ...defaults, ...options };
  let live: LiveWorker | undefined;
  let closed = false;
  let nextCall = 1;
  const running = (): LiveWorker => {
    live ??= startWorker(data, () => {
      live = undefined;
    });
    return live;
  };
  const post = ({ worker }: LiveWorker, message: ToAttributeWorker): void => worker.postMessage(message);

  return {
    attribute: (request) => {
      if (closed)
        return Promise.reject(
          new EngineError('the engine is closed', { code: 'engine_closed', retry: 'never' }),
        );
      const target = running();
      const call = nextCall++;
      const answer = Promise.withResolvers<SampleShares>();
      target.calls.set(call, answer);
      post(target, { type: 'attribute', call, request });
      return answer.promise;
    },
    close: async () => {
      closed = true;
      if (live === undefined) return;
      const { exited } = live;
      post(live, { type: 'close' });
      await exited;
    },
    crash: () => post(running(), { type: 'crash' }),
  };
}

function startWorker(data: AttributeWorkerData, onExit: () => void): LiveWorker {
  const worker = new Worker(new URL('./attribute-worker.ts', import.meta.url), { workerData: data });
  const calls: LiveWorker['calls'] = new Map();
  const exited = Promise.withResolvers<void>();
  let cause: unknown;
  worker.on('message', (message: FromAttributeWorker) => {
    const answer = calls.get(message.call);
    calls.delete(message.call);
    if (message.type === 'shares') answer?.resolve(message.shares);
    else answer?.reject(errorOf(message.fault));
  });
  worker.on('error', (error) => {
    cause = error;
  });
  worker.on('exit', (exitCode) => {
    onExit();
    const died = new EngineError(`the attribution worker ended (exit code ${exitCode})`, {
      code: 'worker_died',
      retry: 'safe',
      cause,
    });
    for (const answer of calls.values()) answer.reject(died);
    calls.clear();
    exited.resolve();
  });
  return { worker, calls, exited: exited.promise };
}
