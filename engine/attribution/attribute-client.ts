// The attribution worker seen from the main thread. Used by the engine's facade. It knows no model; it starts the worker
// with the first call and starts another one after it died.
// States: idle -> running -> (died -> idle) -> closed. Invariants: every call ends in exactly one way; when the worker
// dies, calls under way fail with retry 'safe'; the worker is never terminated from here, since ending a thread inside
// a native run may take the process with it.
import { Worker } from 'node:worker_threads';
import type { AttributePartsRequest, AttributeRequest, PartShares, SampleShares } from '../engine.ts';
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
  /** The same for parts of an answer. Waits and fails like attribute(). */
  attributeParts(request: AttributePartsRequest): Promise<readonly PartShares[]>;
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
  readonly calls: Map<number, (answer: FromAttributeWorker | EngineError) => void>;
  readonly exited: Promise<void>;
}

type Answered = Exclude<FromAttributeWorker, { readonly type: 'failed' }>;

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

  const ask = (message: (call: number) => ToAttributeWorker): Promise<Answered> => {
    if (closed)
      return Promise.reject(
        new EngineError('the engine is closed', { code: 'engine_closed', retry: 'never' }),
      );
    const target = running();
    const call = nextCall++;
    return new Promise((resolve, reject) => {
      target.calls.set(call, (answer) => {
        if (answer instanceof EngineError) reject(answer);
        else if (answer.type === 'failed') reject(errorOf(answer.fault));
        else resolve(answer);
      });
      post(target, message(call));
    });
  };

  return {
    attribute: async (request) => {
      const answer = await ask((call) => ({ type: 'attribute', call, request }));
      if (answer.type !== 'shares') throw new Error(`bug: ${answer.type} in answer to attribute`);
      return answer.shares;
    },
    attributeParts: async (request) => {
      const answer = await ask((call) => ({ type: 'attributeParts', call, request }));
      if (answer.type !== 'parts') throw new Error(`bug: ${answer.type} in answer to attributeParts`);
      return answer.parts;
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
    answer?.(message);
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
    for (const answer of calls.values()) answer(died);
    calls.clear();
    exited.resolve();
  });
  return { worker, calls, exited: exited.promise };
}
