/** `npm run -s books`: beside a running server, without one, and on a DATABASE_URL; exit codes and JSON. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { connectDatabase } from '../../db/connect-database.ts';
import { transact } from '../../db/database.ts';
import { isAlive } from '../../db/embedded/server-process.ts';
import { books } from '../../db/ledger/books.ts';
import { storeProof } from '../../db/ledger/books-proof.ts';
import { personWith } from '../support/ledger-people.ts';
import { testDatabase } from '../support/postgres.ts';
import { quietLog } from '../support/quiet-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Servers are started and killed here; on a busy machine each start takes many seconds. */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const folder = temporaryFolder();
const database = testDatabase();
const CLI = fileURLToPath(new URL('../../db/ledger/books-cli.ts', import.meta.url));

async function run(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH, ...env } });
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  return { out, err, code };
}

test('with no server running it starts one, proves the books, and stops it; beside one it leaves it running', async () => {
  const dataDir = join(folder, 'data');
  const alone = await run([], { DATA_DIR: dataDir });
  expect(alone).toMatchObject({ code: 0, err: '' });
  expect(alone.out).toContain('The books balance.');

  const running = await connectDatabase({ dataDir, log: quietLog });
  try {
    expect(running.embedded?.how).toBe('started'); // so the command has stopped its own
    await personWith(running.db, { grant: '1', balance: '2.5' });
    const beside = await run(['--json'], { DATA_DIR: dataDir });
    expect(beside).toMatchObject({ code: 0, err: '' });
    const books = JSON.parse(beside.out);
    expect(books.ok).toBe(true);
    expect(books.totals).toContainEqual({
      asset: 'OPEN',
      kind: 'treasury',
      accounts: 1,
      balanceNano: '-3500000000',
    });
    expect(isAlive(running.embedded?.pid() as number)).toBe(true);
  } finally {
    await running.close();
  }
});

test('a difference gives exit code 1 and names the rule', async () => {
  await personWith(database.db, { balance: '1' });
  const connection = await database.owner.pool.reserve();
  await connection.unsafe(`begin; set local session_replication_role = replica;
    update account set balance_nano = balance_nano + 1 where kind = 'user'; commit`);
  connection.release();
  const { code, out, err } = await run([], { DATABASE_URL: database.url });
  expect({ code, err }).toEqual({ code: 1, err: '' });
  expect(out).toMatch(/^FAIL balances_match_entries +1 /m);
  expect(out).toContain('THE BOOKS DO NOT BALANCE.');
  expect(out).toMatch(/^First difference: balances_match_entries: the balance of user of person_/m);
});

test('a stored proof that was altered is found, though the books balance', async () => {
  const owner = await database.owner.pool.reserve();
  await owner.unsafe(`begin; set local session_replication_role = replica;
    update account set balance_nano = balance_nano - 1 where kind = 'user'; commit`);
  const proved = await books(database.db);
  await transact(database.db, (tx) => storeProof(tx, proved));
  const sound = await run([], { DATABASE_URL: database.url });
  expect(sound).toMatchObject({ code: 0, err: '' });
  expect(sound.out).toContain('last stored proof: number 1');
  await owner.unsafe(`begin; set local session_replication_role = replica;
    update books_proof set figures = jsonb_set(figures, '{transfers}', '0'); commit`);
  owner.release();
  const altered = await run([], { DATABASE_URL: database.url });
  expect(altered.code).toBe(1);
  expect(altered.err).toContain('STORED PROOF 1 WAS ALTERED');
});

test('an unreachable database gives exit code 2 and a sentence without the password', async () => {
  const url = 'postgres://someone:very-secret@127.0.0.1:1/none';
  const { code, out, err } = await run(['--json'], { DATABASE_URL: url });
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain('The books cannot be read');
  expect(err).not.toContain('very-secret');
});
