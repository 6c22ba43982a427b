// Entry of the attribution worker thread: owns its own copy of the base model and the loaded stores. Calls that wait for the
// same version are answered together, with one pass over its rows; all others one after another. Started by attribute-client.ts. It knows no people and no money. Its runs block its thread, which is
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
import { type AttributeCall, type PartsCall, takeSameVersion } from './calls-together.ts';

if (parentPort === null) throw new Error('attribute-worker.ts runs as a worker thread only');
work(parentPort, workerData);

function work(port: MessagePort, data: AttributeWorkerData): void {
  lowerPriority();
  let attributor: Attributor | undefined; // made by the first call, so that its faults are that call's
  const waiting: ToAttributeWorker[] = [];
  let isWorking = false;
  const post = (message: FromAttributeWorker): void => port.postMessage(message);

  const answer = async (calls: readonly AttributeCall[]): Promise<void> => {
    try {
      attributor ??= createAttributor(data);
      const results = await attributor.attributeAll(calls.map(({ request }) => request));
      for (const [i, result] of results.entries()) {
        const { call } = calls[i];
        if (result.status === 'fulfilled') post({ type: 'shares', call, shares: result.value });
        else post({ type: 'failed', call, fault: faultOf(result.reason) });
      }
    } catch (error) {
      for (const { call } of calls) post({ type: 'failed', call, fault: faultOf(error) });
    }
  };
  const answerParts = async ({ call, request }: PartsCall): Promise<void> => {
    try {
      attributor ??= createAttributor(data);
      post({ type: 'parts', call, parts: await attributor.attributeParts(request) });
    } catch (error) {
      post({ type: 'failed', call, fault: faultOf(error) });
    }
  };
  const close = async (): Promise<void> => {
    await attributor?.release();
    port.close();
  };
  const workOff = async (): Promise<void> => {
    isWorking = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (next.type === 'close') await close();
      else if (next.type === 'attributeParts') await answerParts(next);
      else if (next.type === 'attribute') await answer([next, ...takeSameVersion(waiting, next)]);
      await new Promise(setImmediate); // what came meanwhile is in the port, not yet with us
    }
    isWorking = false;
  };
  port.on('message', (message: ToAttributeWorker) => {
    if (message.type === 'crash') throw new Error('the attribution worker was told to crash');
    waiting.push(message);
    if (!isWorking) void workOff();
  });
}

/** On Linux the priority is that of the calling thread, and the threads of a later session inherit it. */
function lowerPriority(): void {
  if (process.platform === 'linux') setPriority(0, 10);
}
