/**
 * The database as configured: `DATABASE_URL` when set, else the embedded server below the data folder; migrated by its owner,
 * then opened as a role that owns nothing (app-role.ts). Used by bots/main.ts and by command lines. Knows the environment
 * variables it is given and nothing else of the configuration. Where the role cannot be separated the log says so, and the
 * ledger is kept by its triggers alone.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { APP_ROLE, closeFunctions, flawsOfRole, grantAppRole } from './app-role.ts';
import { type ConnectionPool, createConnectionPool } from './connection-pool.ts';
import { type OpenDatabase, openDatabase } from './database.ts';
import { type DatabaseLog, type EmbeddedPostgres, startEmbeddedPostgres } from './embedded.ts';
import { DatabaseFault } from './errors.ts';
import { migrate } from './migrate.ts';
import { type ProcessLock, takeProcessLock } from './process-lock.ts';

interface ConnectOptions {
  /** An existing server; the embedded one is not touched then. */
  readonly databaseUrl?: string;
  /** Another login for the same database, that owns the tables; `databaseUrl`'s then only gets what the program needs. */
  readonly databaseOwnerUrl?: string;
  /** Default: `.data` in the project's folder. The embedded server uses `postgres` in it. */
  readonly dataDir?: string;
  readonly log: DatabaseLog;
  /** See EmbeddedOptions. */
  readonly leaveAsFound?: boolean;
  readonly onRestart?: () => void;
  /** The program that serves people: no second one may on this database; `onReplaced` = another one does, stop. */
  readonly only?: { readonly onReplaced: () => void };
}

export interface ConnectedDatabase extends OpenDatabase {
  /** Undefined when `databaseUrl` was given. */
  readonly embedded: EmbeddedPostgres | undefined;
  /** As which the program runs, and its job queue. With the password in it: never for a log. */
  readonly url: string;
  /** As which tables are made; the same where the role could not be separated. */
  readonly ownerUrl: string;
  /** Why the program's role is more than it should be; null = the server keeps it from changing history. */
  readonly roleNotSeparated: string | null;
  /** Ends the connections, then the embedded server if it is ours to stop. */
  close(): Promise<void>;
}

const DEFAULT_DATA_DIR: string = fileURLToPath(new URL('../.data', import.meta.url));

/** @throws DatabaseFault */
export async function connectDatabase(options: ConnectOptions): Promise<ConnectedDatabase> {
  const { databaseUrl, databaseOwnerUrl, dataDir = DEFAULT_DATA_DIR, log } = options;
  const embedded = databaseUrl
    ? undefined
    : await startEmbeddedPostgres({ ...options, dataDir: join(dataDir, 'postgres') });
  let lock: ProcessLock | undefined;
  try {
    const ownerUrl = embedded?.url ?? databaseOwnerUrl ?? (databaseUrl as string);
    lock = options.only && (await takeProcessLock({ url: ownerUrl, log, ...options.only }));
    const role = await prepareAs(ownerUrl, { embedded, databaseUrl, databaseOwnerUrl, log });
    if (role.notSeparated !== null)
      log.warn({}, `the database does not keep the ledger from this program: ${role.notSeparated}`);
    const open = openDatabase({ url: role.url });
    return {
      ...open,
      embedded,
      url: role.url,
      ownerUrl,
      roleNotSeparated: role.notSeparated,
      async close() {
        await open.close();
        await lock?.release();
        await embedded?.stop();
      },
    };
  } catch (error) {
    await lock?.release();
    await embedded?.stop();
    throw error;
  }
}

interface RoleOutcome {
  readonly url: string;
  readonly notSeparated: string | null;
}

/** Migrates as the owner and finds out as whom the program can run. */
async function prepareAs(
  ownerUrl: string,
  options: Pick<ConnectOptions, 'databaseUrl' | 'databaseOwnerUrl' | 'log'> & {
    readonly embedded: EmbeddedPostgres | undefined;
  },
): Promise<RoleOutcome> {
  const { embedded, databaseUrl, databaseOwnerUrl, log } = options;
  const owner = createConnectionPool(ownerUrl, 1);
  try {
    const applied = await migrate(owner);
    if (applied.length > 0) log.info({ applied }, 'database brought up to date');
    if (embedded) {
      await grantAppRole(owner, { password: new URL(embedded.appUrl).password });
      return await checked(embedded.appUrl);
    }
    if (databaseUrl && databaseOwnerUrl) {
      const role = decodeURIComponent(new URL(databaseUrl).username);
      await grantAppRole(owner, { role, password: null });
      return await checked(databaseUrl);
    }
    return await lowered(owner, ownerUrl);
  } finally {
    await owner.end();
  }
}

/** One login for everything: it takes the role on as it connects. A slip of the program is refused, not one who puts the role off. */
async function lowered(owner: ConnectionPool, url: string): Promise<RoleOutcome> {
  const appUrl = new URL(url);
  appUrl.searchParams.set('options', `-c role=${APP_ROLE}`);
  try {
    await grantAppRole(owner, { password: null });
    return await checked(appUrl.href);
  } catch (fault) {
    // 42501: it may not make roles; 08P01: a connection pooler between us and the server takes no options
    if (!(fault instanceof DatabaseFault && /^(42501|08P01)$/.test(fault.sqlState ?? ''))) throw fault;
    await closeFunctions(owner);
    const notSeparated = `the login of DATABASE_URL cannot take on the role ${APP_ROLE} (${fault.message}); let it create roles, or set DATABASE_OWNER_URL to another login, the tables’ owner`;
    return { url, notSeparated };
  }
}

async function checked(url: string): Promise<RoleOutcome> {
  const app = createConnectionPool(url, 1);
  try {
    const flaws = await flawsOfRole(app);
    return { url, notSeparated: flaws.length === 0 ? null : flaws.join('; ') };
  } finally {
    await app.end();
  }
}
