// Retrains a version on many subsets of its examples and keeps what became of each query's loss: the truth that scores
// are judged by. Used by the audit, and by the bench through leave-out-process.ts. It knows no scores and no people.
// Invariants: each finished run is a line of a file, so a run that was stopped goes on where it was; a file of another
// job or another base is not used; a run whose losses are no numbers is no truth and ends the job; the line of a subset does not depend on which runs were made before it.
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Example } from '../../engine.ts';
import { EngineError } from '../../errors.ts';
import { hashBytes, hashModelFolder } from '../content-hash.ts';
import { type Subset, weightsWithout } from './leave-out-subsets.ts';
import { createLeaveOutTrainer, type LossQuery } from './leave-out-trainer.ts';

export interface LeaveOutJob {
  readonly modelDir: string;
  /** The rows of the training. */
  readonly examples: readonly Example[];
  /** Fields of the sft recipe, as the version was trained with. */
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly stopAfter?: number;
  readonly queries: readonly LossQuery[];
  readonly subsets: readonly Subset[];
  /** JSON lines, one for each subset that is done. */
  readonly file: string;
  /** Adapters of these subsets are kept, each in a folder below, named by the subset's id. */
  readonly keep?: { readonly dir: string; readonly ids: readonly string[] };
  readonly threads?: number;
}

export interface LeaveOutRun extends Subset {
  /** Mean nats per answer token of each query, in the order of the job. */
  readonly losses: readonly number[];
  /** Of the last update. */
  readonly trainLoss: number;
}

/**
 * Runs what is not done yet, in the order given.
 *
 * @throws EngineError `training_diverged` where a retraining gives an answer no probability; of loading the base
 * @param onDone after each subset, those of an earlier start at once; it may wait for others
 * @returns all runs in the order of the job's subsets; those done before the signal where it came
 */
export async function leaveOutRuns(
  job: LeaveOutJob,
  onDone: (done: number, total: number) => void | Promise<void> = () => undefined,
  signal?: AbortSignal,
): Promise<readonly LeaveOutRun[]> {
  const done = doneRuns(job);
  const open = job.subsets.filter(({ id }) => !done.has(id));
  const total = job.subsets.length;
  await onDone(total - open.length, total);
  if (open.length > 0) {
    const trainer = createLeaveOutTrainer(job);
    try {
      for (const [at, { id, leftOut, weights }] of open.entries()) {
        if (signal?.aborted) break;
        const weighing = weights ?? weightsWithout(job.examples.length, leftOut);
        const adapter = await trainer.train(weighing, () => breathe());
        const losses = [...(await trainer.losses(job.queries))];
        refuseDiverged(id, losses);
        if (job.keep?.ids.includes(id)) adapter.save(join(job.keep.dir, id));
        const run: LeaveOutRun = {
          ...{ id, leftOut, losses, trainLoss: adapter.loss },
          ...(weights === undefined ? {} : { weights }),
        };
        done.set(id, run);
        appendFileSync(job.file, `${JSON.stringify(run)}\n`);
        await onDone(total - open.length + at + 1, total);
      }
    } finally {
      await trainer.release();
    }
  }
  return job.subsets.flatMap(({ id }) => done.get(id) ?? []);
}

/** What an earlier start left; the file is begun anew where it is of another job. */
function doneRuns(job: LeaveOutJob): Map<string, LeaveOutRun> {
  const { modelDir, file, subsets, keep: _, threads: __, ...facts } = job;
  const header = JSON.stringify({ job: hashBytes(JSON.stringify(facts)), base: hashModelFolder(modelDir) });
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const wanted = new Map(subsets.map((subset) => [subset.id, facetsOf(subset)]));
  const runs = lines[0] === header ? lines.slice(1).flatMap((line) => runOf(line) ?? []) : [];
  const kept = runs.filter((run) => wanted.get(run.id) === facetsOf(run));
  mkdirSync(dirname(file), { recursive: true });
  // Written whole: a line that was cut off by the end of a process is gone.
  writeFileSync(`${file}.new`, [header, ...runs.map((run) => JSON.stringify(run)), ''].join('\n'));
  renameSync(`${file}.new`, file);
  return new Map(kept.map((run) => [run.id, run]));
}

const facetsOf = ({ leftOut, weights }: Subset): string => JSON.stringify([leftOut, weights]);

function runOf(line: string): LeaveOutRun | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function refuseDiverged(id: string, losses: readonly number[]): void {
  const broken = losses.findIndex((loss) => !Number.isFinite(loss));
  if (broken === -1) return;
  const message = `the retraining ${id} ended with a loss of ${losses[broken]} for question ${broken + 1}: lower its learning rate`;
  throw new EngineError(message, { code: 'training_diverged', retry: 'never' });
}

/** Lets a signal handler run between updates. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
