// Retrainings side by side, one thread each, in child processes: what leaveOutRuns does, as many times faster as there are
// free cores. Used by the bench. The audit of a served version runs in one child of its own instead (audit-process.ts).
// Invariant: the runs are the same, to the bit, for any number of children.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../errors.ts';
import { type LeaveOutJob, type LeaveOutRun, leaveOutRuns } from './leave-out-runs.ts';

/**
 * @param children processes, at least 1
 * @param onDone after each retraining
 * @returns all runs in the order of the job's subsets
 * @throws EngineError `leave_out_died` (retry safe: the same job goes on from its files)
 */
export async function leaveOutInChildren(
  job: LeaveOutJob,
  children: number,
  onDone: (done: number, total: number) => void = () => undefined,
): Promise<readonly LeaveOutRun[]> {
  const doneBy = new Array<number>(children).fill(0);
  const jobs = doneBy.map((_, child): LeaveOutJob => {
    const subsets = job.subsets.filter((__, at) => at % children === child);
    return { ...job, subsets, file: `${job.file}.${child}-of-${children}` };
  });
  await Promise.all(
    jobs.map((part, child) =>
      runChild(part, (done) => {
        doneBy[child] = done;
        onDone(
          doneBy.reduce((sum, each) => sum + each, 0),
          job.subsets.length,
        );
      }),
    ),
  );
  const runs = new Map<string, LeaveOutRun>();
  for (const part of jobs) for (const run of await leaveOutRuns(part)) runs.set(run.id, run);
  return job.subsets.flatMap(({ id }) => runs.get(id) ?? []);
}

async function runChild(job: LeaveOutJob, onDone: (done: number) => void): Promise<void> {
  const entry = fileURLToPath(new URL('./leave-out-main.ts', import.meta.url));
  const child = spawn(process.execPath, [entry], { stdio: ['pipe', 'pipe', 'pipe'] });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-2000);
  });
  child.stdin.on('error', () => undefined); // the exit code tells
  createInterface({ input: child.stdout }).on('line', (line) => onDone(Number(line)));
  try {
    const ended = new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, name) => resolve(name ?? String(code)));
    });
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const exit = await ended;
    if (exit === '0') return;
    throw new EngineError(`retraining ended early (${exit}): ${complaint.trim()}`, {
      code: 'leave_out_died',
      retry: 'safe',
    });
  } finally {
    process.off('exit', kill);
  }
}
