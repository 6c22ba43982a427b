// The span worker seen from the main thread. Used by the engine's facade. It starts the worker with the first call, and
// another one after it died.
// States: idle -> running -> (died -> idle) -> closed. Invariant: every call ends in exactly one way; when the worker dies,
// calls under way fail with retry 'safe'.
import { Worker } from 'node:worker_threads';
import type { AnswerSpan, FindSpansRequest } from '../../engine.ts';
import { EngineError } from '../../errors.ts';
import { errorOf } from '../attribute-protocol.ts';
import type { FromSpansWorker, ToSpansWorker } from './spans-protocol.ts';

export interface SpansClient {
  /**
   * @throws EngineError `span_index_missing` | `span_index_malformed` | `worker_died` (retry 'safe') | `engine_closed`
   */
  find(request: FindSpansRequest): Promise<readonly AnswerSpan[]>;
  /** Waits for the calls under way. */
  close(): Promise<void>;
  /** For tests: the worker dies of an error nobody caught. */
  crash(): void;
}

interface LiveWorker {
  readonly worker: Worker;
  readonly calls: Map<number, PromiseWithResolvers<readonly AnswerSpan[]>>;
  readonly exited: Promise<void>;
}

export function createSpansClient(): SpansClient {
  let live: LiveWorker | undefined;
  let closed = false;
  let nextCall = 1;
  const running = (): LiveWorker => {
    live ??= startWorker(() => {
      live = undefined;
    });
    return live;
  };
  const post = ({ worker }: LiveWorker, message: ToSpansWorker): void => worker.postMessage(message);
  return {
    find: (request) => {
      if (closed)
        return Promise.reject(
          new EngineError('the engine is closed', { code: 'engine_closed', retry: 'never' }),
        );
      const target = running();
      const call = nextCall++;
      const answer = Promise.withResolvers<readonly AnswerSpan[]>();
      target.calls.set(call, answer);
      post(target, { type: 'find', call, request });
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

function startWorker(onExit: () => void): LiveWorker {
  const worker = new Worker(new URL('./spans-worker.ts', import.meta.url));
  const calls: LiveWorker['calls'] = new Map();
  const exited = Promise.withResolvers<void>();
  let cause: unknown;
  worker.on('message', (message: FromSpansWorker) => {
    const answer = calls.get(message.call);
    calls.delete(message.call);
    if (message.type === 'spans') answer?.resolve(message.spans);
    else answer?.reject(errorOf(message.fault));
  });
  worker.on('error', (error) => {
    cause = error;
  });
  worker.on('exit', (exitCode) => {
    onExit();
    const died = new EngineError(`the span worker ended (exit code ${exitCode})`, {
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
