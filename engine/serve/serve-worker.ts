// Entry of the serving worker thread: owns the model, the KV caches and the adapters, and answers the messages of
// serve-protocol.ts. Started by serve-client.ts. It knows no text, no people and no money. `session.run` blocks its
// thread, which is why it lives here. Invariants: a fault of one call is reported for that call and ends nothing else;
// the thread ends by itself, between steps, never inside a run.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { EngineError } from '../errors.ts';
import { loadLlamaWeights } from '../model/llama-weights.ts';
import { loadModelConfig } from '../model/model-config.ts';
import { createAdapterPool } from './legacy-adapter-pool.ts';
import { createScheduler } from './scheduler.ts';
import { scoreTokens } from './score-tokens.ts';
import type { FromWorker, ServeWorkerData, ToWorker, WireError } from './serve-protocol.ts';
import { createServeSession } from './serve-session.ts';

if (parentPort === null) throw new Error('serve-worker.ts runs as a worker thread only');
await serve(parentPort, workerData);

async function serve(port: MessagePort, data: ServeWorkerData): Promise<void> {
  const post = (message: FromWorker): void => port.postMessage(message);
  // Messages that arrive while the model loads wait in the port until a listener is set.
  let session: Awaited<ReturnType<typeof createServeSession>>;
  try {
    const config = loadModelConfig(data.modelDir);
    const weights = loadLlamaWeights(data.modelDir, config);
    const contextTokens = Math.min(config.maxSeq, data.contextTokensMax);
    session = await createServeSession({ config, weights, contextTokens, threads: data.threads });
  } catch (error) {
    post({ type: 'start_failed', error: wireError(error) });
    return;
  }
  const pool = createAdapterPool(session.config, data.adapterBytesMax);
  const fail = (call: number, error: unknown): void =>
    post({ type: 'failed', call, error: wireError(error) });
  const scheduler = createScheduler({
    session,
    activeMax: data.activeMax,
    queueMax: data.queueMax,
    loadAdapter: pool.load,
    onEvent: (call, event) => post({ type: 'event', call, event }),
    onFailure: fail,
  });

  const handle = async (message: ToWorker): Promise<void> => {
    switch (message.type) {
      case 'generate':
        return scheduler.submit(message.call, message.request);
      case 'cancel':
        return scheduler.cancel(message.call);
      case 'load_adapter':
        pool.load(message.adapter);
        return post({ type: 'adapter_loaded', call: message.call });
      case 'score': {
        const lora = message.adapter && pool.load(message.adapter);
        const nll = await scheduler.between(() => scoreTokens(session, message.ids, lora));
        return post({ type: 'scored', call: message.call, nll });
      }
      case 'close':
        await scheduler.between(() => session.release());
        return port.close();
      case 'crash':
        setImmediate(() => {
          throw new Error('the serving worker was told to crash');
        });
    }
  };
  port.on('message', (message: ToWorker) => {
    handle(message).catch((error: unknown) => {
      if (!('call' in message)) throw error;
      fail(message.call, error);
    });
  });
  post({ type: 'ready', contextTokens: session.contextTokens });
}

function wireError(error: unknown): WireError {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof EngineError)) return { code: 'serving_failed', message, retry: 'safe' };
  return { code: error.code, message, retry: error.retry, retryAfterMs: error.retryAfterMs };
}
