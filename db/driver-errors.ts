/**
 * The one place that knows the driver's and the server's error codes, and turns them into faults. Used by connection-pool.ts.
 * SQLSTATE classes: PostgreSQL manual, appendix A.
 */
import postgres from 'postgres';
import { DatabaseFault } from './errors.ts';

/** True when the server refused one statement and the connection is as good as before; everything else costs the connection. */
export function leavesConnectionSound(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.severity === 'ERROR';
}

export function faultOf(error: unknown): DatabaseFault {
  if (error instanceof postgres.PostgresError) return faultOfServer(error);
  const code = (error as { code?: unknown } | null)?.code;
  const facts = { cause: error };
  if (typeof code === 'string' && /^(ECONNREFUSED|ENOENT|ENOTFOUND|CONNECT_TIMEOUT|EHOSTUNREACH)$/.test(code))
    return new DatabaseFault('database_unavailable', `the database cannot be reached (${code})`, facts);
  if (typeof code === 'string' && /^(CONNECTION_\w+|E[A-Z]+)$/.test(code))
    return new DatabaseFault('database_connection_lost', `the database connection was lost (${code})`, facts);
  return new DatabaseFault('database_query_failed', `the query could not be sent: ${String(error)}`, facts);
}

function faultOfServer(error: postgres.PostgresError): DatabaseFault {
  const facts = { cause: error, sqlState: error.code, constraint: error.constraint_name };
  const is = (...classes: readonly string[]) => classes.some((start) => error.code.startsWith(start));
  if (is('40001', '40P01'))
    return new DatabaseFault(
      'database_conflict',
      `the database rolled back a conflict: ${error.message}`,
      facts,
    );
  if (is('23', '42501'))
    return new DatabaseFault('database_rule_broken', `the database refused: ${error.message}`, facts);
  // told to go while the query ran: whether it was done is not known
  if (is('57P01', '57P02')) return new DatabaseFault('database_connection_lost', error.message, facts);
  if (is('57P', '08', '53'))
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
