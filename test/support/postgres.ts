/**
 * A fresh, migrated database for one test file, on the server of global-postgres.ts; dropped after the file. Tests run as the
 * role as which the program runs (db/app-role.ts); what only the owner may do (triggers off, rows set by hand) is `owner`.
 * @example const database = testDatabase(); // at the top of the file
 *          test('...', async () => { await database.db.selectFrom('person')... });
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, inject } from 'vitest';
import { createConnectionPool } from '../../db/connection-pool.ts';
import { type OpenDatabase, openDatabase } from '../../db/database.ts';

type Seat = Pick<OpenDatabase, 'db' | 'pool'> & { readonly url: string };

export interface TestDatabase extends Seat {
  /** Whose the tables are; a superuser. */
  readonly owner: Seat;
}

/** Registers its own beforeAll and afterAll; the fields work from the first hook or test on. */
export function testDatabase({
  connectionsMax = 10,
  migrated = true,
}: {
  readonly connectionsMax?: number;
  /** False: an empty database, in which the program's role may do nothing. */
  readonly migrated?: boolean;
} = {}): TestDatabase {
  const name = `test_${randomBytes(8).toString('hex')}`;
  beforeAll(async () => {
    const template = inject('postgresTemplate');
    if (migrated && template.startsWith('broken')) throw new Error(template);
    await onServer(`create database ${name}${migrated ? ` template ${template}` : ''}`);
  });
  const app = seat(() => urlOf('postgresAppUrl', name), connectionsMax);
  const owner = seat(() => urlOf('postgresUrl', name), connectionsMax);
  afterAll(async () => {
    await app.close();
    await owner.close();
    await onServer(`drop database if exists ${name} with (force)`);
  });
  return Object.defineProperty(app, 'owner', { value: owner }) as typeof app & TestDatabase;
}

/** Opened when first used. */
function seat(url: () => string, connectionsMax: number): Seat & { close(): Promise<void> } {
  let open: OpenDatabase | undefined;
  const opened = () => {
    open ??= openDatabase({ url: url(), connectionsMax });
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
      return url();
    },
    close: async () => open?.close(),
  };
}

function urlOf(login: 'postgresUrl' | 'postgresAppUrl', database: string): string {
  const url = new URL(inject(login));
  url.pathname = `/${database}`;
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
