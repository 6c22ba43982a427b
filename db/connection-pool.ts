/**
 * A pool of single-connection postgres.js clients, in the shape kysely-postgres-js asks for. Used by database.ts and migrate.ts.
 *
 * Why not postgres.js' own pool: in 3.4.9 a query given to a connection that has closed writes to a null socket from a
 * setImmediate (uncaught TypeError, ends the process), or joins a queue nobody empties (hangs for ever), or runs outside
 * its transaction on the reconnected socket; porsager/postgres issues 1066, 1154, 1208, PRs 1168, 1209. Here a client is
 * used for one connection's life: at the first sign of loss it is marked lost, its queries are rejected, and it never sees
 * another query. Not needed any more when test/db/postmaster-killed.db.test.ts passes on the plain pool.
 */
import type { PostgresJSPendingQuery, PostgresJSReservedSql, PostgresJSSql } from 'kysely-postgres-js';
import postgres from 'postgres';
import { DatabaseFault } from './errors.ts';

export interface ConnectionPool extends PostgresJSSql {
  reserve(): Promise<PostgresJSReservedSql>;
}

interface Client {
  readonly sql: postgres.Sql<{ bigint: bigint }>;
  readonly inFlight: Set<(fault: DatabaseFault) => void>;
  lost: DatabaseFault | undefined;
}

/**
 * @param url postgres:// URL; never logged.
 * @param connectionsMax how many connections at most; callers beyond wait in order.
 */
export function createConnectionPool(url: string, connectionsMax: number): ConnectionPool {
  const idle: Client[] = [];
  const all = new Set<Client>();
  const waiting: { resolve: (client: Client) => void; reject: (fault: DatabaseFault) => void }[] = [];
  let ended = false;

  function discard(client: Client): void {
    if (!all.delete(client)) return;
    const position = idle.indexOf(client);
    if (position >= 0) idle.splice(position, 1);
    void client.sql.end({ timeout: 0 }).catch(() => undefined);
    const next = ended ? undefined : waiting.shift();
    if (next) next.resolve(open());
  }

  function lose(client: Client, fault: DatabaseFault): void {
    client.lost ??= fault;
    for (const reject of client.inFlight) reject(fault);
    client.inFlight.clear();
  }

  function open(): Client {
    const client: Client = {
      inFlight: new Set(),
      lost: undefined,
      sql: postgres(url, {
        max: 1,
        idle_timeout: 0,
        max_lifetime: null, // would close between the statements of a transaction
        connect_timeout: 10,
        backoff: () => 0,
        types: { bigint: postgres.BigInt },
        onnotice: () => undefined,
        onclose: () => {
          lose(client, new DatabaseFault('database_connection_lost', 'the database connection was closed'));
          if (idle.includes(client)) discard(client);
        },
      }),
    };
    all.add(client);
    return client;
  }

  function take(): Promise<Client> | Client {
    if (ended) throw new DatabaseFault('database_unavailable', 'the database pool has been closed');
    const client = idle.pop();
    if (client) return client;
    if (all.size < connectionsMax) return open();
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  }

  function give(client: Client): void {
    if (client.lost || ended) {
      discard(client);
      return;
    }
    const next = waiting.shift();
    if (next) next.resolve(client);
    else idle.push(client);
  }

  function run(
    client: Client,
    query: string,
    parameters?: unknown[],
    options?: object,
  ): PostgresJSPendingQuery {
    if (client.lost) return pending(Promise.reject(client.lost), () => undefined);
    const sent = client.sql.unsafe(query, parameters as never[], options);
    const answered = new Promise<Awaited<PostgresJSPendingQuery>>((resolve, reject) => {
      client.inFlight.add(reject);
      sent.then(
        (rows) => {
          client.inFlight.delete(reject);
          resolve(rows as unknown as Awaited<PostgresJSPendingQuery>);
        },
        (error) => {
          client.inFlight.delete(reject);
          const fault = toFault(error);
          if (!isOrdinary(error)) lose(client, fault);
          reject(fault);
        },
      );
    });
    return pending(answered, () => sent.cancel());
  }

  return {
    options: { max: connectionsMax },
    async reserve() {
      const client = await take();
      let released = false;
      return {
        unsafe: (query, parameters, options) => run(client, query, parameters, options),
        release() {
          if (released) return;
          released = true;
          give(client);
        },
      };
    },
    async end() {
      ended = true;
      const fault = new DatabaseFault('database_unavailable', 'the database pool has been closed');
      for (const { reject } of waiting.splice(0)) reject(fault);
      await Promise.all([...all].map((client) => client.sql.end({ timeout: 5 }).catch(() => undefined)));
    },
  };
}

function pending(
  promise: Promise<Awaited<PostgresJSPendingQuery>>,
  cancel: () => void,
): PostgresJSPendingQuery {
  return Object.assign(promise, { cancel });
}

/** The server refused this statement and the connection is as good as before; everything else costs the connection. */
function isOrdinary(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.severity === 'ERROR';
}

/** The one place that knows the driver's and the server's codes (SQLSTATE: PostgreSQL manual, appendix A). */
function toFault(error: unknown): DatabaseFault {
  if (error instanceof postgres.PostgresError) {
    const facts = { cause: error, sqlState: error.code, constraint: error.constraint_name };
    if (error.code === '40001' || error.code === '40P01')
      return new DatabaseFault(
        'database_conflict',
        `the database rolled back a conflict: ${error.message}`,
        facts,
      );
    if (error.code.startsWith('23') || error.code === 'P0001')
      return new DatabaseFault(
        'database_rule_broken',
        `the database refused the write: ${error.message}`,
        facts,
      );
    if (error.code.startsWith('57P') || error.code.startsWith('08') || error.code.startsWith('53'))
      return new DatabaseFault(
        'database_unavailable',
        `the database is not available: ${error.message}`,
        facts,
      );
    return new DatabaseFault(
      'database_query_failed',
      `the database refused the query: ${error.message}`,
      facts,
    );
  }
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && /^(ECONNREFUSED|ENOENT|ENOTFOUND|CONNECT_TIMEOUT|EHOSTUNREACH)$/.test(code))
    return new DatabaseFault('database_unavailable', `the database cannot be reached (${code})`, {
      cause: error,
    });
  if (typeof code === 'string' && /^(CONNECTION_|E[A-Z]+$)/.test(code))
    return new DatabaseFault('database_connection_lost', `the database connection was lost (${code})`, {
      cause: error,
    });
  return new DatabaseFault('database_query_failed', `the query could not be sent: ${String(error)}`, {
    cause: error,
  });
}
