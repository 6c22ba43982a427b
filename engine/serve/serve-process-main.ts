// Entry of the serving process, which is used for GPUs: a driver that dies takes this process and nothing else. Started by
// serve-host.ts, which sends the settings as the first message; what it does is in serve-loop.ts. It ends with its parent.
import { serveModel } from './serve-loop.ts';
import type { FromWorker, ServeWorkerData } from './serve-protocol.ts';

process.once('disconnect', () => process.exit());
process.once('message', (data: ServeWorkerData) => {
  const send = (message: FromWorker): void => void process.send?.(message);
  void serveModel(
    {
      post: send,
      listen: (handler) => process.on('message', handler),
      close: () => process.disconnect(), // after what was sent
    },
    data,
  );
});
