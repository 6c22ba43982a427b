// One pull at a time in a folder: `pull.lock` holds the process id. Used by pull-model.ts. A lock whose process is gone
// (kill -9) is taken over. Two programs on two machines with one folder are not covered.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';

/** Takes the lock; returns its release. @throws EngineError `pull_running` */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'pull.lock');
  for (let tries = 0; ; tries++) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (cause) {
      const isHeld = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
      if (!isHeld || tries > 0) throw cause;
    }
    const holder = Number(readHolder(path));
    if (isAlive(holder))
      throw new EngineError(`process ${holder} is pulling into ${folder} right now`, {
        code: 'pull_running',
        retry: 'after',
      });
    rmSync(path, { force: true });
  }
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  // Our own id can only be a reused one: in a container the first process is always number 1.
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
