/**
 * Opens the database: Kysely over postgres.js with camelCase names and a pool that survives the server's death. Used by
 * bots/main.ts, the books command and tests. Knows nothing of how the server is run (embedded/ does).
 * A query on a lost connection rejects with a DatabaseFault; the next one opens a new connection.
 */
import { CamelCasePlugin, Kysely, sql, type Transaction } from 'kysely';
import { PostgresJSDialect } from 'kysely-postgres-js';
import { type ConnectionPool, createConnectionPool } from './connection-pool.ts';
import { DatabaseFault } from './errors.ts';
import type { Schema } from './schema.ts';

/** Reads may take either; what must be atomic takes a `Tx`. */
export type Database = Kysely<Schema>;
export type Tx = Transaction<Schema>;

export interface OpenDatabase {
  readonly db: Database;
  readonly pool: ConnectionPool;
  /** Ends every connection; queries after it reject. */
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 10;

/** Connections are made when first needed, so this never fails; the first query does. */
export function openDatabase({
  url,
  connectionsMax = CONNECTIONS_MAX,
}: {
  readonly url: string;
  readonly connectionsMax?: number;
}): OpenDatabase {
  const pool = createConnectionPool(url, connectionsMax);
  const db = new Kysely<Schema>({
    dialect: new PostgresJSDialect({ postgres: () => pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
  return {
    db,
    pool,
    async close() {
      await db.destroy();
      await pool.end();
    },
  };
}

/** As whom the program speaks to the server. */
export async function currentRole(db: Database): Promise<string> {
  const { rows } = await sql<{ role: string }>`select current_user as role`.execute(db);
  return rows[0].role;
}

const CONFLICT_TRIES_MAX = 5;

/**
 * Runs `work` in one transaction; throws what it throws, after rolling back. Deadlocks and serialisation failures are
 * repeated up to 5 times, so `work` must have no effect but on the database. Lost connections are not repeated here: the
 * caller knows whether to wait.
 */
export async function transact<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      const conflict = error instanceof DatabaseFault && error.code === 'database_conflict';
      if (!conflict || tries >= CONFLICT_TRIES_MAX) throw error;
    }
  }
}
