-- Stored proofs of the books, and who may write history. See note.md.
create table books_proof (
  number integer primary key check (number > 0),
  at timestamptz not null default now(),
  ok boolean not null,
  figures jsonb not null,
  -- the first thing that does not hold, in words for the operator; null = all holds
  first_difference text,
  previous_hash text,
  hash text not null unique,
  constraint books_proof_says_why check (ok = (first_difference is null)),
  constraint books_proof_chain check ((number = 1) = (previous_hash is null)),
  foreign key (previous_hash) references books_proof (hash)
);
create unique index books_proof_follows on books_proof (previous_hash);

create trigger books_proof_immutable before update or delete on books_proof
  for each row execute function ledger_immutable();
create trigger books_proof_untruncatable before truncate on books_proof execute function ledger_immutable();

-- Locks for verbs that decide outside of the database: a lock needs the right to change, which the caller has not.
create function ledger_lock_accounts(p_owner text, p_kinds text[])
returns table (kind text, balance_nano bigint) language plpgsql as $$
begin
  return query select a.kind, a.balance_nano from account a
    where a.owner_id = p_owner and a.kind = any (p_kinds) and a.asset = 'OPEN' order by a.id for no key update;
end $$;

create function ledger_lock_captured(p_call text)
returns setof hold language plpgsql as $$
begin
  return query select h.* from hold h where h.call_id = p_call and h.state = 'captured' for no key update;
end $$;

-- The ledger's functions and triggers write with the owner's rights, so that who runs the program needs none on the tables.
-- The search path is fixed: a caller's own table of the same name is never taken for the ledger's.
do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid::regprocedure from pg_proc p join pg_language l on l.oid = p.prolang
      where p.pronamespace = 'public'::regnamespace and p.proname like 'ledger\_%'
        and l.lanname = 'plpgsql' -- one in sql reads no table and is worth inlining
    union
    select t.tgfoid::regprocedure from pg_trigger t
      where not t.tgisinternal and t.tgrelid in ('account'::regclass, 'transfer'::regclass, 'entry'::regclass, 'hold'::regclass)
  loop
    execute format('alter function %s security definer set search_path = public, pg_temp', f);
  end loop;
end $$;
