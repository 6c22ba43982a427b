/** Migrations: applied once, in order, also by many at a time; changed ones refused; the types in schema.ts match. */
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { testDatabase } from '../support/postgres.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const database = testDatabase({ migrated: false }).owner;
const SHIPPED = new URL('../../db/migrations/', import.meta.url);

afterEach(async () => {
  const connection = await database.pool.reserve();
  await connection.unsafe('drop schema public cascade; create schema public');
  connection.release();
});

async function copyOfMigrations(): Promise<{ folder: string; directory: URL }> {
  const folder = join(temporaryFolderOnce, Math.random().toString(36).slice(2));
  await cp(SHIPPED, folder, { recursive: true });
  return { folder, directory: pathToFileURL(`${folder}/`) };
}
const temporaryFolderOnce = temporaryFolder();

test('5 programs that start at once apply each migration once', async () => {
  const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(database.pool)));
  const names = applied.flat();
  expect(names.length).toBeGreaterThanOrEqual(6);
  expect(new Set(names).size).toBe(names.length);
  expect(await migrate(database.pool)).toEqual([]);
});

describe('refuses', () => {
  test('a migration that was changed after it was applied', async () => {
    const { folder, directory } = await copyOfMigrations();
    await migrate(database.pool, { directory });
    await writeFile(join(folder, '002-people', 'up.sql'), 'select 1');
    await expect(migrate(database.pool, { directory })).rejects.toMatchObject({
      code: 'database_migration_failed',
      message: expect.stringContaining('002-people was changed'),
    });
  });

  test('a database of a newer program', async () => {
    const { folder, directory } = await copyOfMigrations();
    await mkdir(join(folder, '999-future'));
    await writeFile(join(folder, '999-future', 'up.sql'), 'create table future (id int)');
    await migrate(database.pool, { directory });
    await expect(migrate(database.pool)).rejects.toThrow(/999-future.*newer/);
  });

  test('a migration that fails half way, and leaves nothing of it', async () => {
    const { folder, directory } = await copyOfMigrations();
    await mkdir(join(folder, '999-broken'));
    await writeFile(join(folder, '999-broken', 'up.sql'), 'create table half (id int); select nonsense');
    await expect(migrate(database.pool, { directory })).rejects.toThrow(/999-broken failed/);
    const connection = await database.pool.reserve();
    const [found] = await connection.unsafe(`select to_regclass('half') as half`);
    connection.release();
    expect(found.half).toBeNull();
    expect(await migrate(database.pool)).toEqual([]);
  });
});

test('schema.ts names the same tables, columns and nullability as the migrations make', async () => {
  await migrate(database.pool);
  const connection = await database.pool.reserve();
  const rows =
    await connection.unsafe(`select table_name, column_name, is_nullable from information_schema.columns
    where table_schema = 'public' and table_name <> 'schema_migration'
      and (table_schema, table_name) not in (select table_schema, table_name from information_schema.views) order by 1, 2`);
  connection.release();
  const made = rows.map(
    (row) => `${row.table_name}.${row.column_name}${row.is_nullable === 'YES' ? '?' : ''}`,
  );
  const folder = new URL('../../db/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => /^schema.*\.ts$/.test(name));
  const sources = await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')));
  const typed = columnsOf(sources.join('\n'));
  // internals of the ledger's functions; what the arrays hold is read as `entry`
  const untyped = ['transfer.xact', 'transfer.account_ids', 'transfer.amounts_nano'];
  expect(typed).toEqual(made.filter((column) => !untyped.includes(column)));
});

function columnsOf(source: string): string[] {
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return [...source.matchAll(/^interface (\w+)Table \{\n([^}]*)^\}/gm)]
    .flatMap(([, name, body]) => {
      const table = snake(name[0].toLowerCase() + name.slice(1));
      return [...body.matchAll(/^ {2}(\w+): (.*);$/gm)].map(
        ([, column, type]) => `${table}.${snake(column)}${type.includes('| null') ? '?' : ''}`,
      );
    })
    .sort();
}
