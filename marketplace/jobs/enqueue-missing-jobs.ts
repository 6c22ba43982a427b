// The safety net below the queue: work that the rows say is due but for which no job waits gets its job again.
// Used by reconciler.ts. The rows are the truth, the queue is only the order of work.
import { sql } from 'kysely';
import type { Tx } from '../../db/database.ts';
import type { Call } from '../../db/schema.ts';
import { enqueueJob } from './enqueue-job.ts';

/** @returns how many jobs were added */
export async function enqueueMissingJobs(tx: Tx, unattributed: readonly Call[]): Promise<number> {
  const { rows } = await sql<{
    key: string;
  }>`select key from graphile_worker.jobs where key is not null`.execute(tx);
  const waiting = new Set(rows.map((row) => row.key));
  let added = 0;
  for (const { id: callId } of unattributed) {
    if (waiting.has(`attribute:${callId}`)) continue;
    await enqueueJob(tx, 'attribute-call', { callId });
    added += 1;
  }
  const runs = await tx.selectFrom('trainingRun').select('id').where('state', '=', 'queued').execute();
  for (const { id: runId } of runs) {
    if (waiting.has(`train:${runId}`)) continue;
    await enqueueJob(tx, 'train-version', { runId });
    added += 1;
  }
  return added;
}
