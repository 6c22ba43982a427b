/** Migration 008-ledger on a database that has rows: balances stay, history stays, and the verbs go on where it stopped. */
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

test('a ledger with rows keeps its balances and goes on', async () => {
  const before = join(folder, 'migrations');
  await cp(fileURLToPath(SHIPPED), before, { recursive: true });
  for (const name of await readdir(before))
    if (name > '008') await rm(join(before, name), { recursive: true });
  const { pool } = database.owner;
  await migrate(pool, { directory: pathToFileURL(`${before}/`) });
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
