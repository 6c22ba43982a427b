// Builds the tree of an epoch's leaves and writes its file, in a worker thread of its own. Used by the settlement job and by
// the benchmark. The caller gives the rows piece by piece; the bytes change hands without being copied, so the thread that
// talks to people is never held for long. It knows no people, models or money.
import { Worker } from 'node:worker_threads';
import type { BuiltLeafFile, FromTreeWorker, ToTreeWorker, TreeTask } from './tree-protocol.ts';

/**
 * @param rows pieces of rows as leaf-file.ts names them, each row ended by a line break; pieces of about 5,000 rows
 * @throws Error with what went wrong in the worker (a row that is no leaf, a disk that is full); what `rows` throws; the
 * signal's reason when it is aborted. No file is left half written.
 */
export async function buildLeafFile(
  task: TreeTask,
  rows: AsyncIterable<string>,
  signal?: AbortSignal,
): Promise<BuiltLeafFile> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL('./tree-worker.ts', import.meta.url), { workerData: task });
  const ended = outcomeOf(worker);
  ended.catch(() => undefined); // awaited below; may come earlier
  const abort = (): void => void worker.terminate();
  signal?.addEventListener('abort', abort);
  try {
    for await (const piece of rows) {
      signal?.throwIfAborted();
      if (piece !== '') give(worker, piece);
    }
    worker.postMessage({ type: 'end' } satisfies ToTreeWorker);
    return await ended;
  } catch (fault) {
    signal?.throwIfAborted();
    throw fault;
  } finally {
    signal?.removeEventListener('abort', abort);
    await worker.terminate();
  }
}

function give(worker: Worker, piece: string): void {
  const text = new TextEncoder().encode(piece);
  worker.postMessage({ type: 'rows', text } satisfies ToTreeWorker, [text.buffer]);
}

function outcomeOf(worker: Worker): Promise<BuiltLeafFile> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromTreeWorker) => {
      if (message.type === 'built') resolve(message.built);
      else reject(new Error(`the leaf file was not built: ${message.message}`));
    });
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('the tree worker ended without a word')));
  });
}
