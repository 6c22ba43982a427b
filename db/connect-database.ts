/**
 * The database as configured: `DATABASE_URL` when set, else the embedded server below the data folder; migrated and open.
 * Used by bots/main.ts and by command lines. Knows the two environment variables and nothing else of the configuration.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OpenDatabase, openDatabase } from './database.ts';
import { type DatabaseLog, type EmbeddedPostgres, startEmbeddedPostgres } from './embedded.ts';
import { migrate } from './migrate.ts';

interface ConnectOptions {
  /** An existing server; the embedded one is not touched then. */
  readonly databaseUrl?: string;
  /** Default: `.data` in the project's folder. The embedded server uses `postgres` in it. */
  readonly dataDir?: string;
  readonly log: DatabaseLog;
  /** See EmbeddedOptions. */
  readonly leaveAsFound?: boolean;
  readonly onRestart?: () => void;
}

export interface ConnectedDatabase extends OpenDatabase {
  /** Undefined when `databaseUrl` was given. */
  readonly embedded: EmbeddedPostgres | undefined;
  /** Ends the connections, then the embedded server if it is ours to stop. */
  close(): Promise<void>;
}

const DEFAULT_DATA_DIR: string = fileURLToPath(new URL('../.data', import.meta.url));

export async function connectDatabase(options: ConnectOptions): Promise<ConnectedDatabase> {
  const { databaseUrl, dataDir = DEFAULT_DATA_DIR, log } = options;
  const embedded = databaseUrl
    ? undefined
    : await startEmbeddedPostgres({ ...options, dataDir: join(dataDir, 'postgres') });
  const open = openDatabase({ url: databaseUrl ?? (embedded?.url as string) });
  async function close(): Promise<void> {
    await open.close();
    await embedded?.stop();
  }
  try {
    const applied = await migrate(open.pool);
    if (applied.length > 0) log.info({ applied }, 'database brought up to date');
  } catch (error) {
    await close();
    throw error;
  }
  return { ...open, embedded, close };
}
