// kill -9 of the database server while a job runs, so that the job's end can hardly be written down. The process lives
// (vitest fails on an unhandled rejection), the runner begins anew by itself, and the job is done in the end.
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type OpenDatabase, openDatabase, transact } from '../../../db/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../db/embedded.ts';
import { migrate } from '../../../db/migrate.ts';
import { enqueueJob } from '../../../marketplace/jobs/enqueue-job.ts';
import { createJobRunner, prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const folder = temporaryFolder();
let server: EmbeddedPostgres;
let database: OpenDatabase;
beforeAll(async () => {
  server = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: quietLog });
  database = openDatabase({ url: server.url });
  await migrate(database.pool);
  await prepareJobs(server.url, quietLog);
});
afterAll(async () => {
  await database.close();
  await server.stop();
});

/** How many jobs there are, or that the database is away. */
const jobs = () =>
  sql`select 1 from graphile_worker.jobs`.execute(database.db).then(
    ({ rows }) => rows.length,
    () => 'away' as const,
  );

it.each([
  ['fails', 2],
  ['succeeds', 1], // or 2: its end may just have been written, or not
])(
  'a job that %s while the server is killed is done, and done only, when it is back',
  async (how, runsMin) => {
    let runs = 0;
    const runner = createJobRunner({
      connectionString: server.url,
      log: quietLog,
      tasks: {
        async 'attribute-call'() {
          runs += 1;
          if (runs > 1) return;
          process.kill(server.pid(), 'SIGKILL');
          await expect.poll(jobs, { interval: 1, timeout: 60_000 }).toBe('away');
          if (how === 'fails') throw new Error('the database is away');
        },
        'train-version': async () => {},
        'audit-version': async () => {},
        'check-call': async () => {},
        'tell-news': async () => {},
      },
    });
    await transact(database.db, (tx) => enqueueJob(tx, 'attribute-call', { callId: how }));
    await runner.start();
    await expect.poll(jobs, { timeout: 120_000 }).toBe(0);
    await runner.stop();
    expect(runs).toBeGreaterThanOrEqual(runsMin);
    expect(runs).toBeLessThanOrEqual(2);
  },
);
