/** The role as which the program runs: what PostgreSQL itself refuses it, and that the ledger works all the same. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flawsOfRole, grantAppRole } from '../../db/app-role.ts';
import { connectDatabase } from '../../db/connect-database.ts';
import { createConnectionPool } from '../../db/connection-pool.ts';
import { transact } from '../../db/database.ts';
import { DatabaseFault } from '../../db/errors.ts';
import { nano, openNano } from '../../db/ledger/amount.ts';
import { balances } from '../../db/ledger/balances.ts';
import { capture } from '../../db/ledger/capture.ts';
import { expectBooksToBalance, holdFor, personWith } from '../support/ledger-people.ts';
import { testDatabase } from '../support/postgres.ts';
import { rememberingLog } from '../support/quiet-log.ts';

const database = testDatabase();

/** Tables that keep history; a test below compares the list with the triggers that say so. */
const LEDGER = ['account', 'transfer', 'entry_pending', 'hold'];

beforeAll(async () => {
  const person = await personWith(database.db, { grant: '1', balance: '1' });
  await holdFor(database.db, person, openNano('0.5'));
});

async function refusalOf(statement: string): Promise<DatabaseFault> {
  const connection = await database.pool.reserve();
  try {
    await connection.unsafe('begin');
    await connection.unsafe(statement);
    throw new Error(`${statement}: was done`);
  } catch (fault) {
    if (!(fault instanceof DatabaseFault)) throw fault;
    return fault;
  } finally {
    await connection.unsafe('rollback').catch(() => undefined);
    connection.release();
  }
}

describe('the server refuses the program’s role, before any trigger is asked', () => {
  test.each([
    ...LEDGER.flatMap((table) => [
      `delete from ${table}`,
      `truncate ${table} cascade`,
      `drop table ${table} cascade`,
      `alter table ${table} disable trigger all`,
      `alter table ${table} add column note text`,
      `create trigger mine before insert on ${table} for each row execute function ledger_immutable()`,
    ]),
    'update account set balance_nano = balance_nano + 1',
    'update account set balance_nano = 0, version = version',
    'update entry set amount_nano = 1',
    `update transfer set kind = 'grant'`,
    'update hold set amount_nano = 1',
    `update hold set state = 'captured'`,
    `update hold set expires_at = now()`,
    'insert into hold select * from hold',
    'select 1 from account for update',
    'insert into entry_pending values (1)',
    'update account_now set owner_id = owner_id',
    `insert into account (kind, owner_id) values ('user', 'somebody')`,
    `insert into transfer (idempotency_key, request_hash, kind, result) values ('k', 'h', 'transfer', '{}')`,
    'insert into entry values (1, 9, 1, 5)',
    'drop trigger entry_immutable on entry',
    'drop view entry cascade',
    'drop trigger transfer_sums_to_zero on transfer',
    'alter table account drop constraint account_no_overdraft',
    'alter function ledger_immutable() rename to gone',
    `create or replace function ledger_immutable() returns trigger language plpgsql as 'begin return new; end'`,
    'create table mine (id int)',
    'create schema mine',
    'create function mine() returns int language sql as $$select 1$$',
    'set local session_replication_role = replica',
    'set role openmodels',
    'set session authorization openmodels',
    'alter role openmodels_app superuser',
    'create role another',
    `update schema_migration set checksum = ''`,
    `copy entry to program 'cat'`,
    `select pg_read_file('postgresql.conf')`,
  ])('%s', async (statement) => {
    const fault = await refusalOf(statement);
    expect(fault.sqlState, fault.message).toBe('42501'); // insufficient privilege
    expect(fault).toMatchObject({ code: 'database_rule_broken', retry: 'never' });
  });

  test('but not a call: hold and capture work, and the books balance', async () => {
    const person = await personWith(database.db, { grant: '1' });
    const held = await holdFor(database.db, person, openNano('0.5'));
    if (!held.ok) throw new Error(held.code);
    const parts = [{ kind: 'platform', ownerId: 'platform', amountNano: nano(7n) }] as const;
    const intent = { key: 'capture', holdId: held.holdId, priceNano: nano(7n), parts };
    expect(await transact(database.db, (tx) => capture(tx, intent))).toMatchObject({ ok: true });
    expect((await balances(database.db, person)).grantNano).toBe(openNano('1') - 7n);
    await expectBooksToBalance(database.db);
  });
});

test('a table of the program’s own in front of the ledger’s is not taken for it', async () => {
  const person = await personWith(database.db, { grant: '1' });
  const connection = await database.pool.reserve();
  await connection.unsafe(
    `create temporary table account (id bigint, owner_id text, kind text, balance_nano bigint)`,
  );
  await connection.unsafe('set search_path = pg_temp, public');
  const entries = [
    { kind: 'user_grant', owner: person, amount: '-2000000000' },
    { kind: 'user', owner: 'thief', amount: '2000000000' },
  ];
  const posting = connection.unsafe(`select ledger_post('k', 'h', 'transfer', null, '{}', $1::text::jsonb)`, [
    JSON.stringify(entries),
  ]);
  await expect(posting).rejects.toMatchObject({ constraint: 'account_no_overdraft' });
  await connection.unsafe('discard all');
  connection.release();
});

test('what a trigger refuses on any table, the role may not either; nothing may be emptied at once', async () => {
  const connection = await database.owner.pool.reserve();
  const rows = await connection.unsafe(`
    select c.relname, has_table_privilege('openmodels_app', c.oid, 'update') as updates,
      has_table_privilege('openmodels_app', c.oid, 'delete') as deletes,
      has_table_privilege('openmodels_app', c.oid, 'truncate, trigger, references') as truncates,
      has_table_privilege('openmodels_app', c.oid, 'select') as reads,
      pg_get_triggerdef(t.oid) as trigger
    from pg_class c left join pg_trigger t on t.tgrelid = c.oid and t.tgfoid::regproc::text ~ 'immutable$'
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'`);
  connection.release();
  expect(rows.length).toBeGreaterThan(30);
  const guarded = rows.filter(({ trigger }) => trigger !== null);
  expect(new Set(guarded.map(({ relname }) => relname)).size).toBeGreaterThan(6);
  expect(guarded.filter((row) => /BEFORE .*UPDATE/.test(row.trigger as string) && row.updates)).toEqual([]);
  expect(guarded.filter((row) => /BEFORE .*DELETE/.test(row.trigger as string) && row.deletes)).toEqual([]);
  expect(rows.filter(({ truncates, reads }) => truncates || !reads)).toEqual([]);
});

test('a right given by hand is taken back at the next start', async () => {
  const owner = await database.owner.pool.reserve();
  await owner.unsafe('grant update, delete on entry to openmodels_app');
  owner.release();
  expect(await flawsOfRole(database.pool)).toEqual(['it may change or empty the ledger’s tables']);
  await grantAppRole(database.owner.pool, { password: new URL(database.url).password });
  expect(await flawsOfRole(database.pool)).toEqual([]);
});

describe('on a server of one’s own', () => {
  const empty = testDatabase({ migrated: false });
  const logins: string[] = [];

  async function login(attributes: string): Promise<string> {
    const name = `login_${Math.random().toString(36).slice(2)}`;
    logins.push(name);
    const owner = await empty.owner.pool.reserve();
    await owner.unsafe(`create role ${name} login password 'one-of-a-test' ${attributes}`);
    owner.release();
    const url = new URL(empty.url);
    url.username = name;
    url.password = 'one-of-a-test';
    return url.href;
  }
  async function asSuperuser(statement: string): Promise<void> {
    const owner = await empty.owner.pool.reserve();
    await owner.unsafe(statement);
    owner.release();
  }
  const fresh = () =>
    asSuperuser('drop schema public cascade; create schema public; grant usage on schema public to public');
  afterAll(async () => {
    for (const name of logins) await asSuperuser(`drop owned by ${name} cascade; drop role ${name}`);
  });

  async function currentUser(url: string): Promise<string> {
    const pool = createConnectionPool(url, 1);
    const connection = await pool.reserve();
    const [{ role }] = await connection.unsafe('select current_user as role');
    connection.release();
    await pool.end();
    return role as string;
  }

  test('one superuser’s URL: it migrates, then takes the role on', async () => {
    await fresh();
    const { log, connected } = await connect({ databaseUrl: empty.owner.url });
    expect(connected.roleNotSeparated).toBeNull();
    expect(await currentUser(connected.url)).toBe('openmodels_app');
    expect(await currentUser(connected.ownerUrl)).toBe('openmodels');
    await personWith(connected.db, { grant: '1' });
    await expectBooksToBalance(connected.db);
    expect(log.lines.join()).not.toContain('does not keep the ledger');
    await connected.close();
  });

  test('two logins, an owner’s and the program’s: each is what it should be', async () => {
    await fresh();
    const [ownerUrl, url] = [await login(''), await login('')];
    await asSuperuser(`grant create on schema public to ${new URL(ownerUrl).username}`);
    const { connected } = await connect({ databaseUrl: url, databaseOwnerUrl: ownerUrl });
    expect(connected.roleNotSeparated).toBeNull();
    expect(await currentUser(connected.url)).toBe(new URL(url).username);
    await personWith(connected.db, { grant: '1' });
    await connected.close();
  });

  test.each([
    ['with the role', async () => empty.owner.url],
    [
      'without one',
      async () => {
        const url = await login('');
        await asSuperuser(`grant create on schema public to ${new URL(url).username}`);
        return url;
      },
    ],
  ])(
    'a stranger’s login on the same server can call none of the ledger’s functions, %s',
    async (_, urlOf) => {
      await fresh();
      const { connected } = await connect({ databaseUrl: await urlOf() });
      await personWith(connected.db, { grant: '1' });
      await connected.close();
      const stranger = createConnectionPool(await login(''), 1);
      const connection = await stranger.reserve();
      const gift = `select ledger_transfer('k', 'h', 'transfer', null, 'a gift', 'treasury', 'treasury', 'user', 'thief', 1000000000)`;
      await expect(connection.unsafe(gift)).rejects.toMatchObject({ sqlState: '42501' });
      const open = await connection.unsafe(`
      select p.proname from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef
        and p.prorettype <> 'trigger'::regtype and has_function_privilege(current_user, p.oid, 'execute')`);
      expect(open).toEqual([]);
      connection.release();
      await stranger.end();
    },
  );

  test('a login that may make no roles: the program runs, and the log says that only triggers keep the ledger', async () => {
    await fresh();
    const url = await login('');
    await asSuperuser(`grant create on schema public to ${new URL(url).username}`);
    const { connected, log } = await connect({ databaseUrl: url });
    expect(connected.roleNotSeparated).toContain('DATABASE_OWNER_URL');
    expect(log.lines.join('\n')).toContain('the database does not keep the ledger from this program');
    expect(log.lines.join('\n')).not.toContain('one-of-a-test');
    await personWith(connected.db, { grant: '1' });
    await connected.close();
  });

  async function connect(options: { databaseUrl: string; databaseOwnerUrl?: string }) {
    const log = rememberingLog();
    return { log, connected: await connectDatabase({ ...options, log }) };
  }
});
