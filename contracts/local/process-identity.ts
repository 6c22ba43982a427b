// Facts about operating-system processes that survive restarts of ours: is one alive, is it the same one as then. Used by the
// local chain. Process ids are reused, so an identity is id and start time. db/embedded has the same for its server: the two
// folders may not import each other.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** False also for a zombie: in a container without an init, nobody may ever collect it. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return statOf(pid)?.[0] !== 'Z';
}

/** A text that identifies a living process, also after its id has been given to another. */
export function identityOf(pid: number): string {
  return `${pid} ${statOf(pid)?.[19] ?? ''}`.trim();
}

/** The id of the process of which this is the identity, while it lives. */
export function livingProcess(identity: string): number | undefined {
  const pid = Number.parseInt(identity, 10);
  const same = Number.isInteger(pid) && pid > 0 && isProcessAlive(pid) && identityOf(pid) === identity.trim();
  return same ? pid : undefined;
}

/** Ends a process: asks, and kills it when it has not gone after `graceMs`. */
export async function endProcess(pid: number, graceMs: number): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGTERM', graceMs],
    ['SIGKILL', 5_000],
  ] as const) {
    if (!isProcessAlive(pid)) return;
    try {
      process.kill(pid, signal);
    } catch {
      return; // it went in this moment
    }
    for (const deadline = Date.now() + waitMs; isProcessAlive(pid) && Date.now() < deadline; )
      await sleep(15);
  }
}

/** Fields of /proc/<pid>/stat from the third on (state first; start time is the 20th of these), see proc(5). */
function statOf(pid: number): readonly string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
