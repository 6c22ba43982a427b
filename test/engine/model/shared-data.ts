// Where tests find real weights that are not in the repository. They skip, and say why, where there are none.
// Set SHARED_DIR, or keep a folder `shared` beside the repository.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

const sharedFolder = process.env.SHARED_DIR ?? join(import.meta.dirname, '../../../../shared');

/** A folder under shared/data, or undefined with the reason printed. */
export function sharedData(path: string): string | undefined {
  const folder = join(sharedFolder, 'data', path);
  if (existsSync(folder)) return folder;
  console.log(`skipped: shared data ${path} is not on this machine (SHARED_DIR may name its folder)`);
  return undefined;
}
