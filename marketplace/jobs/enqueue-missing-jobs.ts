// The safety net below the queue: work that the rows say is due but for which no job waits gets its job again.
// Used by reconciler.ts. The rows are the truth, the queue is only the order of work.
import { sql } from 'kysely';
import type { Tx } from '../../db/database.ts';
import { forgottenCallAudits } from '../../db/repositories/call-audit-repository.ts';
import { auditsDue } from '../../db/repositories/version-audit-repository.ts';
import type { Call } from '../../db/schema.ts';
import { queueAudit } from '../attribution/audits/queue-audit.ts';
import type { MarketplaceSettings } from '../marketplace-settings.ts';
import { enqueueJob, trainJob } from './enqueue-job.ts';

const CHECKS_AT_ONCE = 100;

/** @returns how many jobs were added */
export async function enqueueMissingJobs(
  tx: Tx,
  unattributed: readonly Call[],
  settings: MarketplaceSettings,
): Promise<number> {
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
  const runs = await tx
    .selectFrom('trainingRun')
    .select(['id', 'seq'])
    .where('state', '=', 'queued')
    .execute();
  for (const run of runs) {
    if (waiting.has(`train:${run.id}`)) continue;
    await enqueueJob(tx, 'train-version', trainJob(run, settings));
    added += 1;
  }
  const { unaudited, open } = await auditsDue(tx);
  for (const modelVersionId of unaudited) if (await queueAudit(tx, { settings }, modelVersionId)) added += 1;
  for (const { id: auditId } of open) {
    if (waiting.has(`audit:${auditId}`)) continue;
    await enqueueJob(tx, 'audit-version', { auditId });
    added += 1;
  }
  for (const { callId } of await forgottenCallAudits(tx, CHECKS_AT_ONCE)) {
    if (waiting.has(`check:${callId}`)) continue;
    await enqueueJob(tx, 'check-call', { callId });
    added += 1;
  }
  return added;
}
