/**
 * Vitest global setup: one embedded Postgres for the whole run, in a temporary folder; its address is provided to the tests as
 * `postgresUrl` (see postgres.ts), with a database that has everything in it, from which test files copy theirs. Folders of runs
 * that were killed are cleared away, their servers stopped.
 */
import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { APP_ROLE, grantAppRole } from '../../db/app-role.ts';
import { type ConnectionPool, createConnectionPool } from '../../db/connection-pool.ts';
import { findPostmaster, stopPostmaster } from '../../db/embedded/postmaster.ts';
import { isAlive } from '../../db/embedded/server-process.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../db/embedded.ts';
import { migrate } from '../../db/migrate.ts';
import { prepareJobs } from '../../marketplace/jobs/job-runner.ts';
import { quietLog } from './quiet-log.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The owner's, who may do everything. */
    postgresUrl: string;
    /** That of the role as which the program runs. */
    postgresAppUrl: string;
    /** A migrated database to copy, or `broken: ` and why there is none. */
    postgresTemplate: string;
  }
}

const TEMPLATE = 'openmodels_template';
const PREFIX = 'openmodels-test-run-';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await clearKilledRuns();
  const folder = join(tmpdir(), `${PREFIX}${process.pid}`);
  mkdirSync(folder);
  chmodSync(folder, 0o755); // the server may run as another user
  // a test run needs no protection from power loss
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
  const server = await startEmbeddedPostgres({ dataDir: folder, log: quietLog, settings });
  // tests that need no database run also when a migration is broken
  const template = await makeTemplate(server).catch((fault: unknown) => `broken: ${String(fault)}`);
  project.provide('postgresUrl', server.url);
  project.provide('postgresAppUrl', server.appUrl);
  project.provide('postgresTemplate', template);
  return async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

/** Migrated, with the job queue, and with the rights of the program's role. */
async function makeTemplate({ url, appUrl }: EmbeddedPostgres): Promise<string> {
  const template = new URL(url);
  template.pathname = `/${TEMPLATE}`;
  await asOwner(url, (pool) => runStatement(pool, `create database ${TEMPLATE}`));
  await asOwner(template.href, async (pool) => {
    await migrate(pool);
    await grantAppRole(pool, { password: new URL(appUrl).password });
    await prepareJobs(template.href, quietLog, APP_ROLE);
  });
  return TEMPLATE;
}

async function asOwner(url: string, work: (pool: ConnectionPool) => Promise<void>): Promise<void> {
  const pool = createConnectionPool(url, 1);
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
}

async function runStatement(pool: ConnectionPool, statement: string): Promise<void> {
  const connection = await pool.reserve();
  await connection.unsafe(statement);
  connection.release();
}

async function clearKilledRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    if (isAlive(Number(name.slice(PREFIX.length)))) continue;
    const folder = join(tmpdir(), name);
    try {
      const left = findPostmaster(join(folder, 'cluster'));
      if (left) await stopPostmaster(left.pid);
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // another user's leavings
    }
  }
}
