/**
 * Faults of the database folder: what is thrown when the database cannot answer. Refusals (too little balance, duplicate)
 * are returned values, never these. The pool is the only place that turns driver errors into faults, so nothing above db/
 * knows a driver's or PostgreSQL's codes. Messages carry no password and no row contents.
 */

/**
 * - `database_unavailable`: no connection could be made; nothing was done.
 * - `database_connection_lost`: the connection broke under the query; a commit may or may not have happened, so repeat
 *   with the same idempotency key.
 * - `database_conflict`: deadlock or serialisation failure; the transaction was rolled back.
 * - `database_rule_broken`: a constraint, a trigger or a missing right refused (`constraint` names the first two); a bug in
 *   the caller.
 * - `database_query_failed`: any other refusal by the server; a bug.
 * - `database_start_failed`: the embedded server could not be started; the message says what to do.
 * - `database_migration_failed`: a migration failed or an applied one was changed.
 */
type DatabaseFaultCode =
  | 'database_unavailable'
  | 'database_connection_lost'
  | 'database_conflict'
  | 'database_rule_broken'
  | 'database_query_failed'
  | 'database_start_failed'
  | 'database_migration_failed';

/**
 * - `platform_unsupported`, `binaries_missing`, `binaries_do_not_run`: this machine cannot run the packaged server.
 * - `no_server_user`: running as root, and there is no other user as whom the server could run.
 * - `data_folder_not_ours`: the data folder belongs to another user.
 * - `initdb_failed`, `server_did_not_start`: the message tells where the log is.
 * - `busy_elsewhere`: another process is starting or running this server and it does not answer.
 */
type StartFailure =
  | 'platform_unsupported'
  | 'binaries_missing'
  | 'binaries_do_not_run'
  | 'no_server_user'
  | 'data_folder_not_ours'
  | 'initdb_failed'
  | 'server_did_not_start'
  | 'busy_elsewhere';

const RETRY = {
  database_unavailable: 'after',
  database_connection_lost: 'after',
  database_conflict: 'safe',
  database_rule_broken: 'never',
  database_query_failed: 'never',
  database_start_failed: 'never',
  database_migration_failed: 'never',
} as const satisfies Record<DatabaseFaultCode, 'never' | 'safe' | 'after'>;

/** How long to wait before repeating what failed for want of a connection: recovery after a crash takes 1-4 s. */
const RETRY_AFTER_MS = 1000;

export class DatabaseFault extends Error {
  override readonly name = 'DatabaseFault';
  readonly code: DatabaseFaultCode;
  readonly retry: 'never' | 'safe' | 'after';
  readonly retryAfterMs: number | undefined;
  /** SQLSTATE, where the server gave one. */
  readonly sqlState: string | undefined;
  /** Name of the constraint that refused, where the server named one. */
  readonly constraint: string | undefined;
  /** Why the embedded server did not start. */
  readonly reason: StartFailure | undefined;

  constructor(
    code: DatabaseFaultCode,
    message: string,
    facts: {
      readonly cause?: unknown;
      readonly sqlState?: string;
      readonly constraint?: string;
      readonly reason?: StartFailure;
    } = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.retry = RETRY[code];
    this.retryAfterMs = this.retry === 'after' ? RETRY_AFTER_MS : undefined;
    this.sqlState = facts.sqlState;
    this.constraint = facts.constraint;
    this.reason = facts.reason;
  }
}

/** The embedded server cannot be started; `message` says what the operator can do. */
export function startFault(reason: StartFailure, message: string, cause?: unknown): DatabaseFault {
  return new DatabaseFault('database_start_failed', message, { reason, cause });
}
