// A database that dies at a chosen query, for crash-point loops: every query before it is real, that one and all after
// it fail as they do when the connection is lost; what the server has not committed is rolled back, as it is when a
// process dies. `afterCommit` lets the chosen query reach the server and loses only its answer.
import { CamelCasePlugin, Kysely } from 'kysely';
import { PostgresJSDialect, type PostgresJSSql } from 'kysely-postgres-js';
import { createConnectionPool } from '../../db/connection-pool.ts';
import type { Database } from '../../db/database.ts';
import { DatabaseFault } from '../../db/errors.ts';
import type { Schema } from '../../db/schema.ts';

export interface CrashingDatabase {
  readonly db: Database;
  /** Queries so far since the last arm(). */
  readonly queries: number;
  /** The query with this number (from 1) fails, and all after it; none when Infinity. */
  arm(atQuery: number, answerOnly: boolean): void;
  close(): Promise<void>;
}

export function crashingDatabase(url: string): CrashingDatabase {
  const pool = createConnectionPool(url, 5);
  let queries = 0;
  let crashAt = Number.POSITIVE_INFINITY;
  let answerOnly = false;
  const lost = () => new DatabaseFault('database_connection_lost', `crashed at query ${crashAt}`);
  const reserve = async () => {
    const connection = await pool.reserve();
    return {
      unsafe(...args: Parameters<typeof connection.unsafe>) {
        queries += 1;
        if (queries < crashAt) return connection.unsafe(...args);
        const reached = queries === crashAt && answerOnly ? connection.unsafe(...args) : Promise.resolve();
        const failed = Promise.resolve(reached).then(() => Promise.reject(lost()));
        return Object.assign(failed, { cancel: () => undefined });
      },
      release() {
        if (queries < crashAt) return connection.release();
        // The server rolls back what a dead client left open.
        void Promise.resolve(connection.unsafe('rollback')).finally(() => connection.release());
      },
    };
  };
  const sql = { options: pool.options, reserve, end: () => pool.end() } as unknown as PostgresJSSql;
  return {
    db: new Kysely<Schema>({
      dialect: new PostgresJSDialect({ postgres: () => sql }),
      plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
    }),
    get queries() {
      return queries;
    },
    arm(atQuery, onlyTheAnswer) {
      queries = 0;
      crashAt = atQuery;
      answerOnly = onlyTheAnswer;
    },
    close: () => pool.end(),
  };
}
