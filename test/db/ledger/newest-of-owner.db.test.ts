/** An owner's newest lines where the owner has many: the same as of all entries, without a walk through the whole ledger. */
import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import { type Tx, transact } from '../../../db/database.ts';
import { transfersOf } from '../../../db/ledger/balances.ts';
import { entitledOf } from '../../../db/repositories/epoch-leaf-repository.ts';
import { historyOf } from '../../../db/repositories/history-repository.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase();

/** Paid to 'early' first, then to 'late', and in between to 'early' and 'late' in turn. */
beforeAll(async () => {
  const { db } = database.owner;
  await sql`insert into account (kind, owner_id) values ('treasury', 'treasury'), ('user', 'early'), ('user', 'late'), ('creator', 'late')`.execute(
    db,
  );
  const pay = (owner: string, kind: string, count: number) =>
    sql`insert into transfer (idempotency_key, request_hash, kind, account_ids, amounts_nano, result)
      select ${owner} || gen_random_uuid(), 'h', 'transfer', array[t.id, a.id], '{-1,1}', '{}'
      from account t, account a, generate_series(1, ${count}::int)
      where t.kind = 'treasury' and a.owner_id = ${owner} and a.kind = ${kind}`.execute(db);
  await pay('early', 'user', 5_100);
  await pay('late', 'user', 94_000);
  await pay('late', 'creator', 8_000);
  await sql`select ledger_roll_up()`.execute(db);
  await sql`insert into account (kind, owner_id) values ('claimable', 'wallet'), ('claimable', 'others')`.execute(
    db,
  );
  await sql`insert into transfer (idempotency_key, request_hash, kind, account_ids, amounts_nano, result)
    select 'payout' || n, 'h', 'payout', array[c.id, w.id], '{-1,1}', '{}' from generate_series(1, 2000) n
      join account c on c.owner_id = 'late' and c.kind = 'creator'
      join account w on w.owner_id = case when n % 100 = 0 then 'wallet' else 'others' end`.execute(db);
  await sql`analyze`.execute(db);
}, 60_000);

const pages = [0, 5, 5_095, 5_100, 9_995, 10_000, 29_995].flatMap((offset) =>
  ['early', 'late', 'nobody'].map((owner) => [owner, offset] as const),
);
test.each(pages)('%s from line %i on', async (owner, offset) => {
  const page = await historyOf(database.db, owner, { limit: 10, offset });
  const { rows } = await sql<{ transferId: bigint; purse: string }>`
    select e.transfer_id, case a.kind when 'user' then 'spending' else a.kind end as purse
    from entry e join account a on a.id = e.account_id where a.owner_id = ${owner}
    order by e.transfer_id desc limit 10 offset ${offset}`.execute(database.db);
  expect(page.map(({ transferId, purse }) => ({ transferId, purse }))).toEqual(rows);
  if (offset > 0) return;
  const lines = await transfersOf(database.db, owner, 10);
  expect(lines.map(({ transferId }) => transferId)).toEqual(rows.map(({ transferId }) => transferId));
});

/** Rows of `transfer` that were read on this connection. */
async function rowsRead(tx: Tx): Promise<number> {
  const { rows } = await sql<{ read: number }>`
    select (seq_tup_read + idx_tup_fetch)::int as read from pg_stat_xact_user_tables where relname = 'transfer'`.execute(
    tx,
  );
  return rows[0].read;
}

test('a wallet’s payouts: reads few rows', async () => {
  const read = await transact(database.db, async (tx) => {
    const before = await rowsRead(tx);
    expect(await entitledOf(tx, 'wallet')).toBe(20n);
    return (await rowsRead(tx)) - before;
  });
  expect(read).toBeLessThan(200);
});

test.each([
  ['early', 30_000], // the newest 10,000, then those 5,100 of 105,100
  ['late', 1_000],
])('%s: reads few rows', async (owner, most) => {
  const read = await transact(database.db, async (tx) => {
    const before = await rowsRead(tx);
    await historyOf(tx, owner, { limit: 10, offset: 0 });
    return (await rowsRead(tx)) - before;
  });
  expect(read).toBeLessThan(most);
});
