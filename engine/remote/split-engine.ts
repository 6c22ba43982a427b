// One engine of two halves: answers from another machine, training, evaluation and attribution on this one. Used by
// bots/main.ts where ENGINE_REMOTE_URL is set. It knows neither half from inside. Both must hold the same base model:
// what is trained and attributed here is answered there.
import { posix, relative, sep } from 'node:path';
import type { Engine, ServingBackend } from '../engine.ts';

/** Closing it closes both halves, the answering one first. */
export function splitEngine(local: Engine, remote: ServingBackend): Engine {
  return {
    ...local,
    ...remote,
    close: async () => {
      await remote.close();
      await local.close();
    },
  };
}

/**
 * Where the other machine finds a folder that lies inside `localRoot` here, when it has that folder at `serverRoot`; a
 * folder elsewhere is taken to have the same path there.
 */
export function folderOnServer(localRoot: string, serverRoot: string): (dir: string) => string {
  return (dir) => {
    const inside = relative(localRoot, dir);
    if (inside === '' || inside.startsWith('..') || inside === dir) return dir;
    return posix.join(serverRoot, ...inside.split(sep));
  };
}
