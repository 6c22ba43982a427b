/**
 * Brings a database up to the newest migration: folders db/migrations/<nnn-name>/ with up.sql and note.md, run in name order,
 * each in its own transaction, once, under an advisory lock. An applied up.sql must never change: checksums are compared.
 * Used by bots/main.ts, the books command and tests.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { ConnectionPool } from './connection-pool.ts';
import { DatabaseFault } from './errors.ts';

const MIGRATIONS = new URL('./migrations/', import.meta.url);
/** Any number, as long as nothing else in this database uses it as an advisory lock. */
const LOCK = 7_305_211_402;

/**
 * Applies what is missing and returns the names applied now.
 * Throws `database_migration_failed` when an applied migration was changed, is unknown here, or fails (it is rolled back).
 */
export async function migrate(
  pool: ConnectionPool,
  { directory = MIGRATIONS }: { readonly directory?: URL } = {},
): Promise<readonly string[]> {
  const known = await readMigrations(directory);
  const connection = await pool.reserve();
  try {
    await connection.unsafe(`select pg_advisory_lock(${LOCK})`);
    const [{ made }] = await connection.unsafe(`select to_regclass('schema_migration') is not null as made`);
    // who only reads (npm run books as the program's role) may not make tables, and need not
    if (!made)
      await connection.unsafe(`create table schema_migration (
        name text primary key, checksum text not null, applied_at timestamptz not null default now())`);
    const rows = await connection.unsafe('select name, checksum from schema_migration order by name');
    const applied = new Map(rows.map((row) => [row.name as string, row.checksum as string]));
    refuseForeign(applied, known);
    const missing = known.filter(({ name }) => !applied.has(name));
    for (const { name, sql, checksum } of missing) {
      try {
        await connection.unsafe('begin');
        await connection.unsafe(sql);
        await connection.unsafe('insert into schema_migration (name, checksum) values ($1, $2)', [
          name,
          checksum,
        ]);
        await connection.unsafe('commit');
      } catch (cause) {
        await connection.unsafe('rollback').catch(() => undefined);
        throw new DatabaseFault('database_migration_failed', `migration ${name} failed: ${String(cause)}`, {
          cause,
        });
      }
    }
    return missing.map(({ name }) => name);
  } finally {
    await connection.unsafe(`select pg_advisory_unlock(${LOCK})`).catch(() => undefined);
    connection.release();
  }
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

async function readMigrations(directory: URL): Promise<readonly Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(new URL(`${name}/up.sql`, directory), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

function refuseForeign(applied: ReadonlyMap<string, string>, known: readonly Migration[]): void {
  for (const [name, checksum] of applied) {
    const ours = known.find((migration) => migration.name === name);
    if (!ours)
      throw new DatabaseFault(
        'database_migration_failed',
        `the database has migration ${name}, which this program does not know: it was written by a newer version`,
      );
    if (ours.checksum !== checksum)
      throw new DatabaseFault(
        'database_migration_failed',
        `migration ${name} was changed after it had been applied to this database; add a new migration instead`,
      );
  }
}
