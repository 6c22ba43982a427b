// A database that dies at a chosen query, for crash-point loops: every query before it is real, that one and all after
// it fail as they do when the connection is lost; what the server has not committed is rolled back, as it is when a
// process dies. `answerOnly` lets the chosen query reach the server and loses only its answer. A crash point that is
// given is shared with whatever else the process waits for.
import { CamelCasePlugin, Kysely } from 'kysely';
import { PostgresJSDialect, type PostgresJSSql } from 'kysely-postgres-js';
import { createConnectionPool } from '../../db/connection-pool.ts';
import type { Database } from '../../db/database.ts';
import { DatabaseFault } from '../../db/errors.ts';
import type { Schema } from '../../db/schema.ts';
import { type CrashPoint, createCrashPoint } from './crash-point.ts';

export interface CrashingDatabase {
  readonly db: Database;
  /** Queries so far since the last arm(). */
  readonly queries: number;
  /** The query with this number (from 1) fails, and all after it; none when Infinity. */
  arm(atQuery: number, answerOnly: boolean): void;
  close(): Promise<void>;
}

export function crashingDatabase(url: string, crash: CrashPoint = createCrashPoint()): CrashingDatabase {
  const pool = createConnectionPool(url, 5);
  let dead = false;
  const lost = () => new DatabaseFault('database_connection_lost', 'crashed at this query or before');
  const reserve = async () => {
    const connection = await pool.reserve();
    return {
      unsafe(...args: Parameters<typeof connection.unsafe>) {
        const life = crash.next();
        if (life === 'alive') return connection.unsafe(...args);
        dead = true;
        const reached = life === 'last' ? connection.unsafe(...args) : Promise.resolve();
        const failed = Promise.resolve(reached).then(() => Promise.reject(lost()));
        return Object.assign(failed, { cancel: () => undefined });
      },
      release() {
        if (!dead) return connection.release();
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
      return crash.steps;
    },
    arm(atQuery, onlyTheAnswer) {
      dead = false;
      crash.arm(atQuery, onlyTheAnswer);
    },
    close: () => pool.end(),
  };
}
