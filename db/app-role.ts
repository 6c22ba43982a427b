/**
 * The role as which the program runs: not the owner of its tables, so PostgreSQL itself refuses it to change or empty the
 * ledger, to drop or disable a trigger, to make a table. Used by connect-database.ts after the migrations, as the owner.
 * Of any other table it may read, insert, update and delete rows, but for what a trigger of that table refuses everybody
 * (functions named `..._immutable`); it may truncate none. Balances move because the ledger's functions and triggers run with the owner's rights (009-books);
 * those functions are the role's alone: PostgreSQL lets every login of the server call a new function, which is taken away here.
 */
import type { ConnectionPool } from './connection-pool.ts';
import { DatabaseFault } from './errors.ts';

export const APP_ROLE = 'openmodels_app';

/** Tables that are written by functions of the owner alone. */
const RIGHTS: Readonly<Record<string, string>> = {
  schema_migration: 'select',
  account: 'select',
  transfer: 'select',
  entry: 'select',
  entry_pending: 'select',
  hold: 'select',
};

type Connection = Awaited<ReturnType<ConnectionPool['reserve']>>;

/** Any number that nothing else in this database uses as an advisory lock. */
const LOCK = 7_305_211_403;
const TRIES_MAX = 5;

/**
 * Makes the role where it is missing and gives it exactly its rights in this database; repeating it changes nothing.
 * @param role whom to lower: APP_ROLE, or an existing login of the operator's
 * @param password hexadecimal; null = the role cannot log in, the owner takes it on (`set role`)
 * @throws DatabaseFault with sqlState 42501 when the owner may not make roles
 */
export async function grantAppRole(
  owner: ConnectionPool,
  { role = APP_ROLE, password }: { readonly role?: string; readonly password: string | null },
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await withLock(owner, async (connection) => {
        if (role === APP_ROLE) await makeRole(connection, password);
        await giveRights(connection, role);
      });
    } catch (fault) {
      // roles belong to the whole server: another database's program may be making the same one
      const raced = fault instanceof DatabaseFault && /^(23505|42710|XX000)$/.test(fault.sqlState ?? '');
      if (!raced || tries >= TRIES_MAX) throw fault;
    }
  }
}

async function withLock(
  pool: ConnectionPool,
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  const connection = await pool.reserve();
  try {
    await connection.unsafe('begin');
    await connection.unsafe(`select pg_advisory_xact_lock(${LOCK})`);
    await work(connection);
    await connection.unsafe('commit');
  } catch (fault) {
    await connection.unsafe('rollback').catch(() => undefined);
    throw fault;
  } finally {
    connection.release();
  }
}

async function makeRole(connection: Connection, password: string | null): Promise<void> {
  const [found] = await connection.unsafe(
    `select r.rolsuper, r.rolcanlogin, pg_has_role(r.oid, 'member') as member, me.rolsuper as mighty
       from pg_roles me left join pg_roles r on r.rolname = $1 where me.rolname = current_user`,
    [APP_ROLE],
  );
  if (found.rolsuper === null)
    await connection.unsafe(
      `create role ${APP_ROLE} nosuperuser nocreatedb nocreaterole noreplication nobypassrls`,
    );
  // hexadecimal, needs no quoting; the embedded server logs no statements
  if (password !== null) await connection.unsafe(`alter role ${APP_ROLE} login password '${password}'`);
  if (password === null && !found.mighty && !found.member)
    await connection.unsafe(`grant ${APP_ROLE} to current_user`);
}

async function giveRights(connection: Connection, role: string): Promise<void> {
  const [{ database, name }] = await connection.unsafe(
    'select quote_ident(current_database()) as database, quote_ident($1) as name',
    [role],
  );
  const own = await connection.unsafe(OWN_TABLES);
  if (own.length === 0) return; // it is the program's role that asks: the owner has been here
  const functions = await connection.unsafe(OWN_FUNCTIONS);
  const statements = [
    ...functions.map(({ signature }) => `revoke execute on function ${signature} from public`),
    ...functions.map(({ signature }) => `grant execute on function ${signature} to ${name}`),
    `grant connect on database ${database} to ${name}`,
    `grant usage on schema public to ${name}`,
    `revoke all on ${own.map(({ quoted }) => quoted).join(', ')} from ${name}`,
    ...own.map(({ relname, relkind, quoted, frozen }) => {
      if (relkind === 'v') return `grant select on ${quoted} to ${name}`; // writing one is writing with its owner's rights
      if (relkind === 'S') return `grant usage on sequence ${quoted} to ${name}`; // to draw a number, not to set one
      const refused = frozen as readonly string[];
      const rights = ['select', 'insert', 'update', 'delete'].filter((right) => !refused.includes(right));
      return `grant ${RIGHTS[relname as string] ?? rights.join(', ')} on ${quoted} to ${name}`;
    }),
  ];
  await connection.unsafe(statements.join('; '));
}

/** The owner's tables, each with what its triggers refuse for every row (tgtype: PostgreSQL's pg_trigger.h). */
const OWN_TABLES = `
  select c.relname, c.relkind::text, quote_ident(c.relname) as quoted, to_json(array(
      select w.word from (values (16, 'update'), (8, 'delete')) as w(bit, word) where exists (
        select 1 from pg_trigger t join pg_proc p on p.oid = t.tgfoid
          where t.tgrelid = c.oid and p.proname like '%\\_immutable' and t.tgtype & w.bit <> 0
            and t.tgqual is null and t.tgattr = ''))) as frozen
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'S') and c.relowner = current_user::regrole
    order by c.relname`;

/** The owner's functions that write with the owner's rights and can be called; a trigger's own function cannot. */
const OWN_FUNCTIONS = `
  select p.oid::regprocedure::text as signature from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prosecdef and p.prorettype <> 'trigger'::regtype
      and p.proowner = current_user::regrole
    order by 1`;

/** Where no role could be separated: no other login of the server may call what writes with the owner's rights either. */
export async function closeFunctions(owner: ConnectionPool): Promise<void> {
  await withLock(owner, async (connection) => {
    for (const { signature } of await connection.unsafe(OWN_FUNCTIONS))
      await connection.unsafe(`revoke execute on function ${signature} from public`);
  });
}

/**
 * What this login could still do to history; empty = it is no more than the program's role. Asked of the server, so that a
 * role somebody made more of is noticed.
 */
export async function flawsOfRole(app: ConnectionPool): Promise<readonly string[]> {
  const connection = await app.reserve();
  try {
    const [row] = await connection.unsafe(
      `select
      (select rolsuper from pg_roles where rolname = current_user) as superuser,
      exists (select 1 from pg_class c join unnest($1::text[]) t on c.oid = to_regclass(t)
        where pg_has_role(c.relowner, 'usage')) as owner,
      exists (select 1 from unnest($1::text[]) t
        where has_table_privilege(t, 'insert, delete, truncate, trigger') or has_any_column_privilege(t, 'update')) as writer,
      has_schema_privilege('public', 'create') as maker`,
      [`{${Object.keys(RIGHTS).join(',')}}`],
    );
    const flaws = {
      superuser: 'it is a superuser',
      owner: 'it owns the ledger’s tables',
      writer: 'it may change or empty the ledger’s tables',
      maker: 'it may make tables in the schema public',
    };
    return Object.entries(flaws).flatMap(([flaw, words]) => (row[flaw] ? [words] : []));
  } finally {
    connection.release();
  }
}
