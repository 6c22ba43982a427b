// The thread that looks spans up. Started by spans-client.ts. A thread of its own, because a lookup reads from disk, and
// neither the thread that talks to people nor the one that takes gradients (seconds a run) should wait or make it wait.
// It keeps the indexes used last open, and opens one anew when its folder was replaced.
import { parentPort } from 'node:worker_threads';
import { faultOf } from '../attribute-protocol.ts';
import { findSpans } from './find-spans.ts';
import { type OpenSpanIndex, openSpanIndex, spanIndexHashOf } from './span-index-file.ts';
import type { FromSpansWorker, ToSpansWorker } from './spans-protocol.ts';

/** Two files and, at ten million words, some ten megabytes each. */
const openMax = 8;

if (parentPort === null) throw new Error('spans-worker.ts runs as a worker thread');
const port = parentPort;
const post = (message: FromSpansWorker): void => port.postMessage(message);
const open = new Map<string, OpenSpanIndex>(); // by folder, least recently used first

function indexIn(folder: string): OpenSpanIndex {
  const known = open.get(folder);
  open.delete(folder);
  if (known !== undefined && isCurrent(known, folder)) {
    open.set(folder, known);
    return known;
  }
  known?.close();
  const index = openSpanIndex(folder);
  open.set(folder, index);
  if (open.size > openMax) {
    const [[oldest, surplus]] = open;
    open.delete(oldest);
    surplus.close();
  }
  return index;
}

/** A folder that is gone tells its fault when it is opened. */
function isCurrent({ indexHash }: OpenSpanIndex, folder: string): boolean {
  try {
    return spanIndexHashOf(folder) === indexHash;
  } catch {
    return false;
  }
}

port.on('message', (message: ToSpansWorker) => {
  if (message.type === 'crash') throw new Error('crash, as asked for');
  if (message.type === 'close') {
    for (const index of open.values()) index.close();
    port.close();
    return;
  }
  const { call, request } = message;
  try {
    post({ type: 'spans', call, spans: findSpans(indexIn(request.indexDir), request) });
  } catch (error) {
    post({ type: 'failed', call, fault: faultOf(error) });
  }
});
