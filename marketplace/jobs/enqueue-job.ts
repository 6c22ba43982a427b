// Puts a background job into the queue inside the transaction that causes it: both happen or neither. The queue is
// graphile-worker's, in the same database; job-runner.ts takes jobs out. Every job is idempotent and carries a key, so
// that adding it twice runs it once.
import { sql } from 'kysely';
import type { Tx } from '../../db/database.ts';
import type { TrainingRun } from '../../db/schema.ts';
import type { MarketplaceNews } from '../marketplace.ts';
import type { MarketplaceSettings } from '../marketplace-settings.ts';

export interface JobPayloads {
  readonly 'attribute-call': { readonly callId: string };
  /** Runs of the same lane wait for each other; as many lanes as trainings may run at the same time. */
  readonly 'train-version': { readonly runId: string; readonly lane: number };
  readonly 'audit-version': { readonly auditId: string };
  /** Of a paid call that was drawn. */
  readonly 'check-call': { readonly callId: string };
  readonly 'tell-news': MarketplaceNews;
}

export type JobName = keyof JobPayloads;

/** Calls attributed at a time: the engine scores those of one version together. Each call is of one lane. */
export const ATTRIBUTION_LANES = 4;

/** One at a time per queue: training and audits each use the machine fully, the engine attributes in one thread. */
const QUEUES: { readonly [Name in JobName]: (payload: JobPayloads[Name]) => string | null } = {
  'attribute-call': ({ callId }) =>
    `attribute-${(callId.codePointAt(callId.length - 1) ?? 0) % ATTRIBUTION_LANES}`,
  'train-version': ({ lane }) => `train-${lane}`,
  'audit-version': () => 'audit',
  'check-call': () => 'check',
  'tell-news': () => null,
};

const KEYS: { readonly [Name in JobName]: (payload: JobPayloads[Name]) => string } = {
  'attribute-call': ({ callId }) => `attribute:${callId}`,
  'train-version': ({ runId }) => `train:${runId}`,
  'audit-version': ({ auditId }) => `audit:${auditId}`,
  'check-call': ({ callId }) => `check:${callId}`,
  'tell-news': ({ key }) => `news:${key}`,
};

export async function enqueueJob<Name extends JobName>(
  tx: Tx,
  name: Name,
  payload: JobPayloads[Name],
): Promise<void> {
  // unsafe_dedupe: a job that waits or runs under this key is left as it is.
  await sql`select graphile_worker.add_job(${name}, payload => ${{ ...payload }}::json,
    queue_name => ${QUEUES[name](payload)}, job_key => ${KEYS[name](payload)}, job_key_mode => 'unsafe_dedupe')`.execute(
    tx,
  );
}

/** The training job of a run: runs take turns on `trainParallel` lanes. */
export const trainJob = (
  { id: runId, seq }: Pick<TrainingRun, 'id' | 'seq'>,
  { trainParallel }: Pick<MarketplaceSettings, 'trainParallel'>,
): JobPayloads['train-version'] => ({ runId, lane: seq % trainParallel });
