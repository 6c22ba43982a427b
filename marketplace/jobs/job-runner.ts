// Runs the background jobs: graphile-worker over the marketplace's own database, kept alive through its restarts.
// Used by create-marketplace.ts. A job that throws is tried again with growing pauses (graphile-worker: exp(attempts) s).
// kill -9 leaves its jobs locked by workers that are no more; since one process serves one database, start() unlocks
// them at once instead of after graphile-worker's 4 hours. Losing the database never throws out of here.
// A training or an audit that a stop or a kill interrupted is due at once at the next start and has all its tries again: tries count
// faults, not interruptions, and a long training may be interrupted often.
import { EventEmitter } from 'node:events';
import {
  type JobHelpers,
  Logger,
  makeWorkerUtils,
  type Runner,
  run,
  runMigrations,
  type WorkerEvents,
} from 'graphile-worker';
import type { MarketplaceLog } from '../marketplace-context.ts';
import { ATTRIBUTION_LANES, type JobName, type JobPayloads } from './enqueue-job.ts';

/** @param attempt which try of this job it is, from 1 */
export type JobTasks = {
  readonly [Name in JobName]: (payload: JobPayloads[Name], attempt: number) => Promise<void>;
};

export interface JobRunner {
  /** Unlocks what a dead process held and begins. */
  start(): Promise<void>;
  /** Waits for running jobs to end. */
  stop(): Promise<void>;
}

/** Jobs at the same time beside trainings and the audit: attribution and news never wait for one. */
const OTHER_JOBS = 2 + ATTRIBUTION_LANES;
const POLL_MS = 1_000;
const RESTART_MS = 1_000;

const INTERRUPTIBLE: readonly JobName[] = ['train-version', 'audit-version'];

/**
 * Creates or updates the queue's tables (schema graphile_worker) as their owner, and lets `role` work with them: the tables
 * have row security on, so a role needs a policy beside its rights. It may not change the tables themselves.
 */
export async function prepareJobs(
  connectionString: string,
  log: MarketplaceLog,
  role?: string,
): Promise<void> {
  const logger = quietLogger(log);
  await runMigrations({ connectionString, logger });
  if (role === undefined) return;
  const utils = await makeWorkerUtils({ connectionString, logger });
  try {
    await utils.withPgClient(async (client) => {
      const { rows } = await client.query<{ statement: string }>(RIGHTS_STATEMENTS, [role]);
      await client.query(['begin', ...rows.map(({ statement }) => statement), 'commit'].join('; '));
    });
  } finally {
    await utils.release();
  }
}

/** The statements that give a role ($1) the queue; none where it owns it, or has it since the last start. */
const RIGHTS_STATEMENTS = `
  with tables as (
    select c.oid, format('%I.%I', 'graphile_worker', c.relname) as name, c.relrowsecurity
      from pg_class c where c.relnamespace = 'graphile_worker'::regnamespace and c.relkind in ('r', 'p', 'v')
        and not pg_has_role($1, c.relowner, 'usage')
  )
  select format('grant usage on schema graphile_worker to %I', $1::text) as statement
    where not has_schema_privilege($1, 'graphile_worker', 'usage')
  union all
  select format('grant select, insert, update, delete on %s to %I', name, $1::text) from tables
    where not has_table_privilege($1, oid, 'select') or not has_table_privilege($1, oid, 'delete')
  union all
  select format('create policy works_with_the_queue on %s to %I using (true) with check (true)', name, $1::text)
    from tables t where relrowsecurity and not exists (select 1 from pg_policy p
      where p.polrelid = t.oid and (select oid from pg_roles where rolname = $1) = any (p.polroles))`;

export function createJobRunner(options: {
  readonly connectionString: string;
  readonly tasks: JobTasks;
  readonly log: MarketplaceLog;
  readonly trainParallel?: number;
}): JobRunner {
  const { connectionString, tasks, log } = options;
  const logger = quietLogger(log);
  let runner: Runner | null = null;
  let stopped = true;
  let restart: NodeJS.Timeout | undefined;

  const begin = async (): Promise<void> => {
    await takeOver(connectionString, logger);
    const taskList = Object.fromEntries(
      Object.entries(tasks).map(([name, task]) => [
        name,
        (payload: unknown, { job }: JobHelpers) => task(payload as never, job.attempts),
      ]),
    );
    const begun = await run({
      connectionString,
      taskList,
      concurrency: OTHER_JOBS + (options.trainParallel ?? 1),
      pollInterval: POLL_MS,
      noHandleSignals: true,
      logger,
      events: withPoolHandled(log),
      // Without batches graphile-worker 0.18.0 does not wait for a job's release (worker.js: failJob, completeJob), and
      // a database lost just then is an unhandled rejection, the end of this process; a batch ends the runner instead.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    });
    runner = begun;
    begun.promise.then(
      () => again(null),
      (fault: unknown) => again(fault),
    );
  };

  /** The pool ended though nobody stopped it (database lost while a job was released): begin anew. */
  const again = (fault: unknown): void => {
    runner = null;
    if (stopped) return;
    log.warn({ err: fault }, 'the job runner ended; beginning again');
    restart = setTimeout(() => void begin().catch(again), RESTART_MS);
  };

  return {
    async start() {
      stopped = false;
      await begin();
    },
    async stop() {
      stopped = true;
      clearTimeout(restart);
      await runner
        ?.stop()
        .catch((fault: unknown) => log.warn({ err: fault }, 'the job runner did not stop cleanly'));
      runner = null;
    },
  };
}

/**
 * When it stops, graphile-worker 0.18.0 takes its handlers off its pool before the pool's connections have ended (lib.js,
 * makeNewPool); a server that goes away just then would end this process. The handler put on here stays.
 */
function withPoolHandled(log: MarketplaceLog): WorkerEvents {
  const events: WorkerEvents = new EventEmitter();
  events.once('pool:create', ({ ctx }) => {
    const { pgPool } = ctx as unknown as { readonly pgPool: EventEmitter };
    pgPool.on('error', (fault) => log.info({ err: fault }, 'a connection of the job queue was lost'));
  });
  return events;
}

async function takeOver(connectionString: string, logger: Logger): Promise<void> {
  const utils = await makeWorkerUtils({ connectionString, logger });
  try {
    const lockedBy = await utils.withPgClient(async (client) => {
      const { rows } = await client.query<{ locked_by: string }>(
        'select distinct locked_by from graphile_worker.jobs where locked_by is not null',
      );
      return rows.map((row) => row.locked_by);
    });
    if (lockedBy.length > 0) await utils.forceUnlockWorkers(lockedBy);
    // In SQL, as utils.rescheduleJobs of graphile-worker 0.18.0 takes attempts: 0 for "leave them" (workerUtils.js).
    await utils.withPgClient(async (client) => {
      await client.query(
        `select graphile_worker.reschedule_jobs(array(select id from graphile_worker.jobs
           where task_identifier = any ($1) and attempts > 0), run_at => now(), attempts => 0)`,
        [INTERRUPTIBLE],
      );
    });
  } finally {
    await utils.release();
  }
}

/** graphile-worker tells each job at level info; only what went wrong reaches our log. */
function quietLogger(log: MarketplaceLog): Logger {
  return new Logger((scope) => (level, message, meta) => {
    if (level === 'error') log.warn({ ...scope, error: meta?.error }, message);
    else if (level === 'warning') log.warn({ ...scope }, message);
  });
}
