// Entry of the attribution worker thread: owns its own copy of the base model and the loaded stores, and answers one
// call at a time. Started by attribute-client.ts. It knows no people and no money. Its runs block its thread, which is
// why it lives here; it has lower priority than serving and a single compute thread, since nobody waits for shares.
// Invariant: a fault of one call is reported for that call; the thread ends by itself, never inside a run.
import { setPriority } from 'node:os';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Attributor, createAttributor } from './attribute.ts';
import {
  type AttributeWorkerData,
  type FromAttributeWorker,
  faultOf,
  type ToAttributeWorker,
} from './attribute-protocol.ts';

if (parentPort === null) throw new Error('attribute-worker.ts runs as a worker thread only');
work(parentPort, workerData);

function work(port: MessagePort, data: AttributeWorkerData): void {
  lowerPriority();
  let attributor: Attributor | undefined; // made by the first call, so that its faults are that call's
  let last: Promise<void> = Promise.resolve();
  const post = (message: FromAttributeWorker): void => port.postMessage(message);

  const answer = async (message: Extract<ToAttributeWorker, { readonly call: number }>): Promise<void> => {
    const { call } = message;
    try {
      attributor ??= createAttributor(data);
      if (message.type === 'attribute')
        post({ type: 'shares', call, shares: await attributor.attribute(message.request) });
      else post({ type: 'parts', call, parts: await attributor.attributeParts(message.request) });
    } catch (error) {
      post({ type: 'failed', call, fault: faultOf(error) });
    }
  };
  const close = async (): Promise<void> => {
    await attributor?.release();
    port.close();
  };
  port.on('message', (message: ToAttributeWorker) => {
    if (message.type === 'crash') throw new Error('the attribution worker was told to crash');
    last = last.then(() => (message.type === 'close' ? close() : answer(message)));
  });
}

/** On Linux the priority is that of the calling thread, and the threads of a later session inherit it. */
function lowerPriority(): void {
  if (process.platform === 'linux') setPriority(0, 10);
}
