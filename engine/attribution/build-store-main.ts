// Entry of the store-building child process: one JSON job on standard input, JSON lines on standard output
// (progress, then done or failed). Started by build-store-process.ts. A child, because it runs for long at the lowest
// priority and may be killed at any moment: a store appears whole or not at all.
// Standard input stays open while the parent lives; when it closes, the parent is gone and the work is pointless.
import { setPriority } from 'node:os';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { faultOf } from './attribute-protocol.ts';
import { buildGradientStore, type StoreBuild } from './build-store.ts';
import type { BuildStoreEvent } from './build-store-process.ts';
import { removeLeftBeside } from './whole-folder.ts';

const emit = (event: BuildStoreEvent): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

setPriority(0, 19); // before the session exists, so that its threads inherit it
const input = createInterface({ input: process.stdin });
input.once('line', (line) => {
  const job: StoreBuild = JSON.parse(line);
  input.once('close', () => {
    removeLeftBeside(resolve(job.storeDir));
    process.exit(1);
  });
  buildGradientStore(job, (done, total) => emit({ type: 'progress', done, total }))
    .then((storeHash) => emit({ type: 'done', storeHash }))
    .catch((error: unknown) => emit({ type: 'failed', fault: faultOf(error) }))
    .finally(() => {
      input.removeAllListeners('close');
      input.close();
      process.stdin.destroy();
    });
});
