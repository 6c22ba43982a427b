// Entry of the serving worker thread. Started by serve-host.ts; what it does is in serve-loop.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { serveModel } from './serve-loop.ts';

if (parentPort === null) throw new Error('serve-worker.ts runs as a worker thread only');
const port = parentPort;
await serveModel(
  {
    post: (message) => port.postMessage(message),
    listen: (handler) => port.on('message', handler),
    close: () => port.close(),
  },
  workerData,
);
