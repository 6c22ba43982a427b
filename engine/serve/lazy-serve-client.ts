// A serving worker that starts when it is first asked. Used by local-engine.ts where answers come from another machine
// (remote/) and this one only now and then evaluates a new version: until then no second copy of the model is in memory.
// States: not started -> starting -> running -> closed. Invariant: a failed start is tried again by the next question.
import { EngineError } from '../errors.ts';
import type { ServeClient } from './serve-client.ts';

/** @param contextTokens of the model, known without loading it */
export function createLazyServeClient(start: () => Promise<ServeClient>, contextTokens: number): ServeClient {
  let client: Promise<ServeClient> | undefined;
  let running: ServeClient | undefined;
  let closed = false;
  const started = async (): Promise<ServeClient> => {
    if (closed) throw new EngineError('the engine is closed', { code: 'engine_closed', retry: 'never' });
    if (client === undefined) {
      const attempt = start();
      client = attempt;
      attempt.then(
        (made) => {
          running = made;
        },
        () => {
          client = undefined;
        },
      );
    }
    return await client;
  };
  return {
    contextTokens,
    ready: async () => (await started()).ready(),
    info: () => {
      if (running === undefined) throw new Error('bug: the serving worker is not ready yet');
      return running.info();
    },
    generate: async function* (request, signal) {
      yield* (await started()).generate(request, signal);
    },
    score: async (ids, adapter) => (await started()).score(ids, adapter),
    loadAdapter: async (adapter) => (await started()).loadAdapter(adapter),
    // A sign of interest alone starts nothing.
    prefetchAdapter: (adapter) => running?.prefetchAdapter(adapter),
    adapterState: async (adapter) => (running === undefined ? 'cold' : running.adapterState(adapter)),
    stats: async () => (await started()).stats(),
    close: async () => {
      closed = true;
      await (await client?.catch(() => undefined))?.close();
    },
    crash: async () => (await started()).crash(),
  };
}
