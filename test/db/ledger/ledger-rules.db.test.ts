/** The rules that PostgreSQL itself keeps, tried by going around the ledger's code. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { transact } from '../../../db/database.ts';
import { DatabaseFault } from '../../../db/errors.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { type Books, booksIn } from '../../../db/ledger/books.ts';
import { capture } from '../../../db/ledger/capture.ts';
import { LedgerBug } from '../../../db/ledger/ledger-bug.ts';
import { voidHold } from '../../../db/ledger/void-hold.ts';
import { expectBooksToBalance, holdFor, personWith } from '../../support/ledger-people.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase();

/** Runs several statements in one transaction, bare. */
async function raw(statements: string): Promise<void> {
  const connection = await database.owner.pool.reserve();
  try {
    await connection.unsafe(`begin; ${statements}; commit`);
  } catch (error) {
    await connection.unsafe('rollback');
    throw error;
  } finally {
    connection.release();
  }
}

let person = '';
beforeAll(async () => {
  person = await personWith(database.db, { grant: '1', balance: '1' });
  const held = await holdFor(database.db, person, openNano('0.5'));
  if (held.ok)
    await transact(database.db, (tx) => voidHold(tx, { key: 'void', holdId: held.holdId, reason: 'test' }));
  const captured = await holdFor(database.db, person, openNano('0.25'));
  const priceNano = openNano('0.2');
  const parts = [{ kind: 'platform', ownerId: 'platform', amountNano: priceNano }] as const;
  if (captured.ok)
    await transact(database.db, (tx) =>
      capture(tx, { key: 'capture', holdId: captured.holdId, priceNano, parts }),
    );
  await holdFor(database.db, person, openNano('0.5'));
});
afterAll(() => expectBooksToBalance(database.db));

const post = (entries: string) =>
  `select ledger_post('k' || random(), 'h', 'transfer', null, '{}', '${entries}')`;
/** A transfer past the verbs; all but the kind are expressions. */
const posting = (key: string, accounts: string, amounts: string, kind = 'transfer', call = 'null') =>
  `insert into transfer (idempotency_key, request_hash, kind, call_id, account_ids, amounts_nano, result)
    values (${key}, 'h', '${kind}', ${call}, ${accounts}, ${amounts}, '{}')`;
const account = (kind: string) =>
  `(select id from account where owner_id = '${person}' and kind = '${kind}')`;

/** The captured call's price came from the grant; `user_grant` is where it may return. */
const refundOf = (kind: string, amount: string) =>
  `select ledger_post('r' || random(), 'h', 'refund', (select call_id from hold where state = 'captured'), '{}',
    '[{"kind":"treasury","owner":"treasury","amount":"-${amount}"},{"kind":"${kind}","owner":"${person}","amount":"${amount}"}]')`;

describe('PostgreSQL refuses', () => {
  test.each([
    [
      'a transfer that is off by 1 nano',
      () =>
        post(
          '[{"kind":"treasury","owner":"treasury","amount":"-10"},{"kind":"user","owner":"x","amount":"11"}]',
        ),
      'transfer_sums_to_zero',
    ],
    [
      'an overdraft of 1 nano',
      () =>
        post(
          '[{"kind":"user","owner":"y","amount":"-1"},{"kind":"treasury","owner":"treasury","amount":"1"}]',
        ),
      'account_no_overdraft',
    ],
    [
      'an entry added to a transfer of the past',
      () => `insert into entry (transfer_id, line, account_id, amount_nano)
        select min(id), 99, ${account('user')}, 5 from transfer`,
      'ledger_immutable',
    ],
    [
      'a second transfer under one key',
      () => posting('(select min(idempotency_key) from transfer)', "'{}'", "'{}'"),
      'transfer_idempotency_key_key',
    ],
    ['a balance set by hand', () => `update account set balance_nano = 5`, 'only by entries'],
    [
      'an account made with money in it',
      () => `insert into account (kind, owner_id, balance_nano) values ('user', 'rich', 5)`,
      'starts at zero',
    ],
    ['UPDATE of an entry', () => 'update entry set amount_nano = amount_nano + 1', 'ledger_immutable'],
    ['DELETE of an entry', () => 'delete from entry', 'ledger_immutable'],
    ['TRUNCATE of transfers', () => 'truncate transfer cascade', 'ledger_immutable'],
    ['UPDATE of a transfer', () => `update transfer set kind = 'grant'`, 'ledger_immutable'],
    ['DELETE of a transfer', () => 'delete from transfer', 'ledger_immutable'],
    ['TRUNCATE of everything', () => 'truncate account cascade', 'ledger_immutable'],
    ['DELETE of an account', () => 'delete from account', 'ledger_immutable'],
    ['DELETE of a hold', () => 'delete from hold', 'ledger_immutable'],
    [
      'a second end of a hold',
      () => `update hold set state = 'captured' where state = 'voided'`,
      'hold_ends_once',
    ],
    [
      'a hold with other terms',
      () => `update hold set amount_nano = 1, grant_nano = 1, balance_nano = 0`,
      '',
    ],
    [
      'an account of an unknown kind',
      () => `insert into account (kind, owner_id) values ('pocket', 'x')`,
      'account_kind_check',
    ],
    [
      'entries added to a transfer by hand',
      () =>
        `update transfer set account_ids = account_ids || ${account('user')}, amounts_nano = amounts_nano || 5::bigint`,
      'ledger_immutable',
    ],
    [
      'an amount without its account',
      () => posting("'two'", `array[${account('user')}]`, "'{5,-5}'"),
      'transfer_entries',
    ],
    [
      'an entry of nothing',
      () => posting("'null'", `array[${account('user')}]`, "'{null}'"),
      'transfer_entries',
    ],
    ['an entry on no account', () => posting("'none'", "'{-1}'", "'{5}'"), 'entry_applies'],
    [
      'an entry on an account of another asset',
      () => `insert into account (kind, owner_id, asset) values ('user', 'other', 'EURO');
        ${posting("'euro'", "array[(select id from account where asset = 'EURO')]", "'{5}'")}`,
      'entry_applies',
    ],
    [
      'an overdraft of an account that is rolled up later',
      () =>
        post(
          '[{"kind":"contributor","owner":"z","amount":"-1"},{"kind":"treasury","owner":"treasury","amount":"1"}]',
        ),
      'account_no_overdraft',
    ],
    ['an entry made to wait by hand', () => 'insert into entry_pending values (1)', 'entry_pending_guard'],
    ['UPDATE of what waits', () => `update entry_pending set transfer_id = 1`, 'ledger_immutable'],
    ['TRUNCATE of what waits', () => 'truncate entry_pending', 'ledger_immutable'],
    [
      'a hold without a transfer of its own',
      () => `insert into hold (id, owner_id, call_id, amount_nano, grant_nano, balance_nano, expires_at, hold_transfer_id)
        select 'hold_x', 'x', 'call_x', 0, 0, 0, now(), min(id) from transfer`,
      'hold_has_transfer',
    ],
    [
      'the end of a hold by the transfer of another call',
      () => `${posting("'end'", "'{}'", "'{}'", 'void', "'call_x'")};
        update hold set state = 'voided', settled_at = now(), settle_transfer_id = currval('transfer_id_seq') where state = 'open'`,
      'hold_has_transfer',
    ],
    [
      'a refund of 1 nano more than a call cost',
      () => refundOf('user', '200000001'),
      'refund_within_capture',
    ],
    ['a refund to another account', () => refundOf('creator', '1'), 'refund_within_capture'],
    ['a refund of no call', () => post('[]').replace("'transfer'", "'refund'"), 'refund_within_capture'],
    ['an entry of 0', () => posting("'zero'", `array[${account('user')}]`, "'{0}'"), 'transfer_entries'],
  ])('%s', async (_, statement, sign) => {
    const error = await raw(statement()).then(
      () => undefined,
      (fault: unknown) => fault,
    );
    expect(error).toBeInstanceOf(DatabaseFault);
    const fault = error as DatabaseFault;
    expect(fault).toMatchObject({ code: 'database_rule_broken', retry: 'never' });
    expect(`${fault.constraint} ${fault.message}`).toContain(sign);
  });
});

test('the code refuses a capture whose parts are not its price before the database does', async () => {
  const off = capture(database.db, {
    ...{ key: 'off', holdId: 'hold_x', priceNano: openNano('2') },
    parts: [{ kind: 'platform', ownerId: 'platform', amountNano: openNano('1') }],
  });
  await expect(off).rejects.toThrow(LedgerBug);
});

test.each([
  ['entries_sum_to_zero', `update transfer set amounts_nano[1] = amounts_nano[1] + 1 where id = 1`],
  ['transfers_sum_to_zero', `update transfer set amounts_nano[1] = amounts_nano[1] + 1 where id = 1`],
  ['balances_match_entries', `update account set balance_nano = balance_nano + 1 where kind = 'user'`],
  ['no_overdraft', `update account set balance_nano = -1 where kind = 'user'`],
  ['captures_sum_to_parts', `update hold set captured_nano = captured_nano + 1 where state = 'captured'`],
  [
    'releases_match_sources',
    `update hold set grant_nano = grant_nano - 1, balance_nano = balance_nano + 1 where state = 'voided'`,
  ],
  [
    'holds_end_once',
    posting("'twice'", "'{}'", "'{}'", 'capture', "(select call_id from hold where state = 'voided')"),
  ],
  [
    'open_holds_are_funded',
    `update hold set amount_nano = amount_nano + 1, grant_nano = grant_nano + 1 where state = 'open'`,
  ],
  ['no_overdue_holds', `update hold set expires_at = now() - interval '1 day' where state = 'open'`],
])('the books find a broken %s, made with the triggers off', async (name, statement) => {
  const seen = await database.owner.db
    .transaction()
    .execute(async (tx) => {
      await sql`alter table account drop constraint account_no_overdraft`.execute(tx);
      await sql`set local session_replication_role = replica`.execute(tx);
      await sql.raw(statement).execute(tx);
      throw new Seen(await booksIn(tx)); // rolls everything back
    })
    .catch((thrown: unknown) => {
      if (thrown instanceof Seen) return thrown.books;
      throw thrown;
    });
  expect(seen.ok).toBe(false);
  expect(seen.invariants.filter(({ ok }) => !ok).map((invariant) => invariant.name)).toContain(name);
});

class Seen extends Error {
  readonly books: Books;
  constructor(seen: Books) {
    super('seen');
    this.books = seen;
  }
}
