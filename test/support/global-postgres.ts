/**
 * Vitest global setup: one embedded Postgres for the whole run, in a temporary folder; its address is provided to the tests as
 * `postgresUrl` (see postgres.ts). Folders of runs that were killed are cleared away, their servers stopped.
 */
import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findPostmaster, stopPostmaster } from '../../db/embedded/postmaster.ts';
import { isAlive } from '../../db/embedded/server-process.ts';
import { startEmbeddedPostgres } from '../../db/embedded.ts';
import { quietLog } from './quiet-log.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
  }
}

const PREFIX = 'openmodels-test-run-';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await clearKilledRuns();
  const folder = join(tmpdir(), `${PREFIX}${process.pid}`);
  mkdirSync(folder);
  chmodSync(folder, 0o755); // the server may run as another user
  // a test run needs no protection from power loss
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
  const server = await startEmbeddedPostgres({ dataDir: folder, log: quietLog, settings });
  project.provide('postgresUrl', server.url);
  return async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
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
