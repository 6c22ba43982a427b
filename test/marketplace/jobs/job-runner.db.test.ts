// The job queue over real Postgres: written with its cause or not at all, told again when it fails, taken over at once
// from a process that was killed, and added again when it got lost.
import { sql } from 'kysely';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { enqueueJob } from '../../../marketplace/jobs/enqueue-job.ts';
import {
  createJobRunner,
  type JobRunner,
  type JobTasks,
  prepareJobs,
} from '../../../marketplace/jobs/job-runner.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';

const database = testDatabase();
beforeAll(() => prepareJobs(database.url, quietLog));

let runner: JobRunner | null = null;
afterEach(async () => {
  await runner?.stop();
  runner = null;
});

/** Starts a runner whose attribute task is given; resolves when it was called `times` times. */
async function run(
  times: number,
  attribute: JobTasks['attribute-call'],
): Promise<readonly [string, number][]> {
  const seen: [string, number][] = [];
  const enough = Promise.withResolvers<void>();
  runner = createJobRunner({
    connectionString: database.url,
    log: quietLog,
    tasks: {
      async 'attribute-call'(payload, attempt) {
        seen.push([payload.callId, attempt]);
        if (seen.length >= times) enough.resolve();
        await attribute(payload, attempt);
      },
      'train-version': async () => {},
      'audit-version': async () => {},
      'check-call': async () => {},
      'tell-news': async () => {},
    },
  });
  await runner.start();
  await enough.promise;
  return seen;
}

/** Starts a runner; resolves with the run and the try of the first training it takes up. */
async function firstTraining(): Promise<readonly [string, number]> {
  const taken = Promise.withResolvers<readonly [string, number]>();
  runner = createJobRunner({
    connectionString: database.url,
    log: quietLog,
    tasks: {
      'attribute-call': async () => {},
      'train-version': async ({ runId }, attempt) => taken.resolve([runId, attempt]),
      'audit-version': async () => {},
      'check-call': async () => {},
      'tell-news': async () => {},
    },
  });
  await runner.start();
  return await taken.promise;
}

const enqueue = (callId: string) =>
  transact(database.db, (tx) => enqueueJob(tx, 'attribute-call', { callId }));
const jobs = async () => (await sql`select 1 from graphile_worker.jobs`.execute(database.db)).rows.length;

describe('a job', () => {
  it('of a transaction that rolls back never existed; added 3 times it is one', async () => {
    const rolledBack = transact(database.db, async (tx) => {
      await enqueueJob(tx, 'attribute-call', { callId: 'never' });
      throw new Error('roll back');
    });
    await expect(rolledBack).rejects.toThrow('roll back');
    for (let i = 0; i < 3; i++) await enqueue('once');
    expect(await jobs()).toBe(1);
    expect(await run(1, async () => {})).toEqual([['once', 1]]);
  });

  it('that throws is tried again', async () => {
    await enqueue('stubborn');
    const seen = await run(2, async (_, attempt) => {
      if (attempt === 1) throw new Error('not yet');
    });
    expect(seen).toEqual([
      ['stubborn', 1],
      ['stubborn', 2],
    ]);
  });

  it('locked by a process that was killed is taken over at the next start', async () => {
    await enqueue('orphan');
    // What kill -9 leaves: a job taken by a worker that is no more.
    await sql`update graphile_worker._private_jobs set locked_at = now(), locked_by = 'worker-of-a-dead-process',
      attempts = attempts + 1 where key = 'attribute:orphan'`.execute(database.db);
    expect((await run(1, async () => {}))[0][0]).toBe('orphan');
  });

  it('that trains and was interrupted 9 times is due at the next start, as its first try', async () => {
    await transact(database.db, (tx) => enqueueJob(tx, 'train-version', { runId: 'long', lane: 0 }));
    // What the ninth stop leaves: e^9 s, more than two hours, to wait.
    await sql`update graphile_worker._private_jobs set attempts = 9, run_at = now() + interval '2 hours'
      where key = 'train:long'`.execute(database.db);
    expect(await firstTraining()).toEqual(['long', 1]);
  });
});
