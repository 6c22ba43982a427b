/** Migrations 008 and 022 on a database that has rows: balances stay, history stays, and the verbs go on where it stopped. */
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { openNano } from '../../../db/ledger/amount.ts';
import { balances, transfersOf } from '../../../db/ledger/balances.ts';
import { capture } from '../../../db/ledger/capture.ts';
import { rollUp } from '../../../db/ledger/roll-up.ts';
import { migrate } from '../../../db/migrate.ts';
import { expectBooksToBalance } from '../../support/ledger-people.ts';
import { testDatabase } from '../../support/postgres.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const database = testDatabase({ migrated: false });
const later = testDatabase({ migrated: false });
const tampered = testDatabase({ migrated: false });
const folder = temporaryFolder();
const SHIPPED = new URL('../../../db/migrations/', import.meta.url);

/** As the program before 008 wrote it: 2 OPEN paid in, a call of 0.4 captured, another one of 0.5 held. */
const BEFORE = `
  select ledger_post('topup', 'h', 'transfer', null, '{"ok":true,"amountNano":"2000000000","reason":"card"}',
    '[{"kind":"treasury","owner":"treasury","amount":"-2000000000"},{"kind":"user","owner":"ann","amount":"2000000000"}]');
  select ledger_post('hold:1', 'h', 'hold', 'call_1', '{}',
    '[{"kind":"user","owner":"ann","amount":"-500000000"},{"kind":"hold","owner":"ann","amount":"500000000"}]');
  insert into hold (id, owner_id, call_id, amount_nano, grant_nano, balance_nano, expires_at, hold_transfer_id)
    select 'hold_1', 'ann', 'call_1', 500000000, 0, 500000000, now() + interval '1 hour', max(id) from transfer;
  select ledger_post('capture:1', 'h', 'capture', 'call_1', '{}',
    '[{"kind":"hold","owner":"ann","amount":"-500000000"},{"kind":"user","owner":"ann","amount":"100000000"},
      {"kind":"platform","owner":"platform","amount":"400000000"}]');
  update hold set state = 'captured', captured_nano = 400000000, settled_at = now(),
    settle_transfer_id = (select max(id) from transfer);
  select ledger_post('hold:2', 'h', 'hold', 'call_2', '{}',
    '[{"kind":"user","owner":"ann","amount":"-500000000"},{"kind":"hold","owner":"ann","amount":"500000000"}]');
  insert into hold (id, owner_id, call_id, amount_nano, grant_nano, balance_nano, expires_at, hold_transfer_id)
    select 'hold_2', 'ann', 'call_2', 500000000, 0, 500000000, now() + interval '1 hour', max(id) from transfer`;

async function migrationsBefore(first: string): Promise<URL> {
  const before = join(folder, first);
  await cp(fileURLToPath(SHIPPED), before, { recursive: true });
  for (const name of await readdir(before))
    if (name >= first) await rm(join(before, name), { recursive: true });
  return pathToFileURL(`${before}/`);
}

test('a ledger with rows keeps its balances and goes on', async () => {
  const { pool } = database.owner;
  await migrate(pool, { directory: await migrationsBefore('008') });
  const connection = await pool.reserve();
  await connection.unsafe(BEFORE);
  connection.release();
  expect(await migrate(pool)).toContain('008-ledger');

  const { db } = database.owner;
  await expectBooksToBalance(db);
  expect(await balances(db, 'ann')).toMatchObject({
    balanceNano: openNano('1.1'),
    heldNano: openNano('0.5'),
  });
  expect((await balances(db, 'platform')).platformNano).toBe(openNano('0.4'));
  const priceNano = openNano('0.5');
  const parts = [{ kind: 'platform', ownerId: 'platform', amountNano: priceNano }] as const;
  expect(await capture(db, { key: 'capture:2', holdId: 'hold_2', priceNano, parts })).toMatchObject({
    ok: true,
  });
  expect((await balances(db, 'platform')).platformNano).toBe(openNano('0.9'));
  expect(await rollUp(db)).toBe(1);
  expect((await balances(db, 'platform')).platformNano).toBe(openNano('0.9'));
  expect(await transfersOf(db, 'ann', 10)).toHaveLength(8);
  await expectBooksToBalance(db);
});

/** With the verbs before 022: lines with gaps (1, 3), a hold of nothing, one released, one captured, one open; all waits. */
const LINES = `
  select ledger_transfer('topup', 'h', 'transfer', null, 'card', 'treasury', 'treasury', 'user', 'ann', 1000);
  select ledger_transfer('gift', 'h', 'grant', null, null, 'treasury', 'treasury', 'user_grant', 'ben', 300);
  select ledger_hold('{h1,h2,h3,h4}', '{h,h,h,h}', '{ann,ann,ben,ann}', '{500,0,200,100}', '{c1,c2,c3,c4}', '{o1,o2,o3,o4}',
    array_fill(now() + interval '1 hour', array[4]));
  select ledger_capture('{x1,x2}', '{h,h}', '{o1,o2}', '{400,0}', '{1,4}', '{3,3}', '{2,1,3}', '{150,200,50}',
    '{call_pool,creator,platform}', '{c1,cara,platform}');
  select ledger_release('{x3}', '{h}', '{void}', '{o3}', '{test}')`;

test('entries move into their transfers in their order, those that wait too', async () => {
  const { pool, db } = later.owner;
  await migrate(pool, { directory: await migrationsBefore('022') });
  const connection = await pool.reserve();
  const entries = () =>
    connection.unsafe(`select transfer_id, row_number() over (partition by transfer_id order by line) as line, account_id, amount_nano
      from entry order by 1, 2`);
  const accounts = () =>
    connection.unsafe(
      'select n.*, a.balance_nano as stored from account_now n join account a using (id) order by id',
    );
  try {
    await connection.unsafe(LINES);
    const before = [...(await entries())];
    const owned = [...(await accounts())];
    expect(before).toHaveLength(17);
    expect(owned.filter((row) => row.stored !== row.balance_nano)).not.toEqual([]);
    await migrate(pool);
    expect([...(await entries())]).toEqual(before);
    expect([...(await accounts())]).toEqual(owned);
    const [{ empty }] = await connection.unsafe(
      `select count(*)::int as empty from transfer where account_ids = '{}' and amounts_nano = '{}'`,
    );
    expect(empty).toBe(2);
    await expectBooksToBalance(db);
    await rollUp(db);
    expect([...(await accounts())]).toEqual(owned.map((row) => ({ ...row, stored: row.balance_nano })));
    await connection.unsafe(`select ledger_release('{x4}', '{h}', '{void}', '{o4}', '{test}')`);
    await expectBooksToBalance(db);
  } finally {
    connection.release();
  }
});

test('an entry of no transfer is told, not lost', async () => {
  const { pool } = tampered.owner;
  await migrate(pool, { directory: await migrationsBefore('022') });
  const connection = await pool.reserve();
  await connection.unsafe(`set session_replication_role = replica; insert into entry values (999, 1, 1, 5)`);
  await connection.unsafe('set session_replication_role = origin');
  connection.release();
  await expect(migrate(pool)).rejects.toThrow('entries of no transfer');
});
