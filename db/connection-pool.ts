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
import { faultOf, leavesConnectionSound } from './driver-errors.ts';
import { DatabaseFault } from './errors.ts';

export interface ConnectionPool extends PostgresJSSql {
  reserve(): Promise<PostgresJSReservedSql>;
}

/**
 * Calls of the ledger's functions are prepared: their texts never vary, and without it the driver asks for the types of the
 * parameters first, a second round trip each time.
 */
const LEDGER_CALL = /^select [a-z, ]+ from ledger_/;

type Answer = Awaited<PostgresJSPendingQuery>;

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
        fetch_types: false, // its own query on a new connection rejects where nobody catches it; no arrays are sent
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

  /** Rejects at once when the connection is or gets lost. */
  function ask(client: Client, sent: () => Promise<Answer>): Promise<Answer> {
    if (client.lost) return Promise.reject(client.lost);
    return new Promise((resolve, reject) => {
      client.inFlight.add(reject);
      sent().then(
        (rows) => {
          client.inFlight.delete(reject);
          resolve(rows);
        },
        (error) => {
          client.inFlight.delete(reject);
          const fault = faultOf(error);
          if (!leavesConnectionSound(error)) lose(client, fault);
          reject(fault);
        },
      );
    });
  }

  function run(
    client: Client,
    query: string,
    parameters?: unknown[],
    options?: object,
  ): PostgresJSPendingQuery {
    const sent = client.lost
      ? undefined
      : client.sql.unsafe(query, parameters as never[], { prepare: LEDGER_CALL.test(query), ...options });
    const answer = ask(client, () => sent as NonNullable<typeof sent>);
    return Object.assign(withTransactionSense(client, query, answer), { cancel: () => sent?.cancel() });
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

/**
 * Two words have a meaning that kysely-postgres-js 5.0.0 over kysely 0.29.9 misses (it inherits code written for `pg`):
 * - `commit` of a transaction in which a statement failed and was swallowed: the server rolls back and says so in the command
 *   tag only, which would pass for a commit. Here it is a fault.
 * - `rollback` on a lost connection: the server has rolled back by itself, so it is done. A rejection would hide the first
 *   error behind a TypeError of Kysely's.
 */
async function withTransactionSense(client: Client, query: string, answer: Promise<Answer>): Promise<Answer> {
  try {
    const rows = await answer;
    if (query === 'commit' && rows.command === 'ROLLBACK')
      throw new DatabaseFault(
        'database_query_failed',
        'the transaction was rolled back at its commit: a statement in it had failed and the error was swallowed',
      );
    return rows;
  } catch (error) {
    if (query === 'rollback' && client.lost) return Object.assign([], { command: 'ROLLBACK', count: 0 });
    throw error;
  }
}
