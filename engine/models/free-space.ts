// Refuses what would not fit on the disk, before it is begun. Used by pulls and exports.
import { statfs } from 'node:fs/promises';
import { EngineError } from '../errors.ts';
import { byteText } from './byte-text.ts';

/** Left free on the disk beyond what is needed. */
const spareBytes = 64 * 2 ** 20;

/**
 * @param folder one that exists, on the disk in question
 * @throws EngineError `disk_full` with both figures
 */
export async function requireFreeBytes(
  folder: string,
  needed: number,
  freeBytes: (folder: string) => Promise<number> = freeBytesAt,
): Promise<void> {
  const free = await freeBytes(folder);
  if (needed <= 0 || needed + spareBytes <= free) return;
  const message = `${byteText(needed)} more are needed in ${folder}, ${byteText(free)} are free there`;
  throw new EngineError(message, { code: 'disk_full', retry: 'never' });
}

async function freeBytesAt(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
