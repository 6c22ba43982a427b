/**
 * Facts about operating-system processes that survive restarts of ours: is a process alive, is it the same one as then, is it
 * the server of this cluster. Used by embedded.ts and its parts. Process ids are reused, so an identity is id and start time.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** False also for a zombie: in a container without an init, nobody may ever collect it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return statFields(pid)?.[0] !== 'Z';
}

/** A text that identifies a living process, also after its id has been given to another. */
export function processIdentity(pid: number): string {
  return `${pid} ${statFields(pid)?.[19] ?? ''}`.trim();
}

/** True when the process of which this is the identity still lives. */
export function isIdentityAlive(identity: string): boolean {
  const pid = Number.parseInt(identity, 10);
  return Number.isInteger(pid) && pid > 0 && isAlive(pid) && processIdentity(pid) === identity.trim();
}

/** The command line of a process, or '' when it cannot be known. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    if (process.platform === 'win32') return '';
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/** Waits until the process is gone; false when it is still there after `timeoutMs`. */
export async function waitUntilGone(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Fields of /proc/<pid>/stat from the third on (state first; start time is the 20th of these), see proc(5). */
function statFields(pid: number): readonly string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
