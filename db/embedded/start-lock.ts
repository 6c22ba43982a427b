/**
 * One process at a time starts or stops the server of a home folder. Used by embedded.ts. The lock is a file with its holder's
 * identity; a dead holder's lock is taken over.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFault } from '../errors.ts';
import { isIdentityAlive, processIdentity } from './server-process.ts';

const WAIT_MS = 180_000;

export async function withStartLock<T>(home: string, work: () => Promise<T>): Promise<T> {
  const path = join(home, 'starting.lock');
  const deadline = Date.now() + WAIT_MS;
  while (!(await tryLock(path))) {
    const holder = await readFile(path, 'utf8').catch(() => '');
    // an empty file is being written this moment; a holder that died is nobody
    if (holder !== '' && !isIdentityAlive(holder)) await rm(path, { force: true });
    if (Date.now() > deadline)
      throw startFault(
        'busy_elsewhere',
        `process ${holder} has been starting the database for minutes (${path})`,
      );
    await sleep(50);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    await writeFile(path, processIdentity(process.pid), { flag: 'wx', mode: 0o644 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
