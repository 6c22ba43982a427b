// Entry of a process that dies by SIGKILL in the middle of an export: `node killed-export-main.ts SOURCE OUT`. Used by
// export-model.test.ts.
import { exportModel } from '../../../engine/models/export-model.ts';

const [source, out] = process.argv.slice(2);
await exportModel({
  ...{ source, out, shardBytesMax: 20_000, force: true },
  onProgress: ({ bytes, bytesTotal }) => {
    if (bytes > bytesTotal / 2) process.kill(process.pid, 'SIGKILL');
  },
});
