/**
 * A fresh, migrated database for one test file, on the server of global-postgres.ts; dropped after the file.
 * @example const database = testDatabase(); // at the top of the file
 *          test('...', async () => { await database.db.selectFrom('person')... });
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, inject } from 'vitest';
import { createConnectionPool } from '../../db/connection-pool.ts';
import { type OpenDatabase, openDatabase } from '../../db/database.ts';
import { migrate } from '../../db/migrate.ts';

export interface TestDatabase extends Pick<OpenDatabase, 'db' | 'pool'> {
  readonly url: string;
}

/** Registers its own beforeAll and afterAll; the fields work from the first hook or test on. */
export function testDatabase({
  connectionsMax = 10,
  migrated = true,
}: {
  readonly connectionsMax?: number;
  readonly migrated?: boolean;
} = {}): TestDatabase {
  const name = `test_${randomBytes(8).toString('hex')}`;
  let open: OpenDatabase | undefined;
  let url = '';

  beforeAll(async () => {
    url = await createTestDatabase(name);
    open = openDatabase({ url, connectionsMax });
    if (migrated) await migrate(open.pool);
  });
  afterAll(async () => {
    await open?.close();
    await onServer(`drop database if exists ${name} with (force)`);
  });

  const opened = () => {
    if (!open) throw new Error('testDatabase() is ready only inside hooks and tests');
    return open;
  };
  return {
    get db() {
      return opened().db;
    },
    get pool() {
      return opened().pool;
    },
    get url() {
      return url;
    },
  };
}

async function createTestDatabase(name: string): Promise<string> {
  await onServer(`create database ${name}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

async function onServer(statement: string): Promise<void> {
  const pool = createConnectionPool(inject('postgresUrl'), 1);
  try {
    const connection = await pool.reserve();
    await connection.unsafe(statement);
    connection.release();
  } finally {
    await pool.end();
  }
}
