// Files that survive a crash of the machine: written aside, synced, then put in place, so that a reader finds the old or the
// new content and never half of one. Mode 0600. Used for keystores, the deployment file and the local chain's state.
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file and waits until the disk has it. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Replaces a file as a whole. Two writers of one file at once must be kept apart by the caller. */
export async function replaceDurably(path: string, content: string | Uint8Array): Promise<void> {
  await writeDurably(`${path}.partial`, content);
  await rename(`${path}.partial`, path);
  if (process.platform === 'win32') return; // a folder cannot be synced there
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync(); // else a power failure may take the renaming back
  } finally {
    await folder.close();
  }
}
