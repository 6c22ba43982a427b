-- Double-entry ledger. Amounts are bigint nano-OPEN (1e-9 OPEN). See note.md.
create table account (
  id bigint generated always as identity primary key,
  asset text not null default 'OPEN',
  kind text not null check (kind in ('user', 'user_grant', 'hold', 'call_pool', 'contributor', 'creator',
    'node', 'platform', 'treasury', 'vault', 'dust')),
  owner_id text not null check (owner_id <> ''),
  balance_nano bigint not null default 0,
  version bigint not null default 0,
  created_at timestamptz not null default now(),
  unique (owner_id, kind, asset),
  constraint account_no_overdraft check (balance_nano >= 0 or kind in ('treasury', 'vault'))
);

create table transfer (
  id bigint generated always as identity primary key,
  idempotency_key text not null unique check (idempotency_key <> ''),
  request_hash text not null,
  kind text not null check (kind in ('hold', 'capture', 'void', 'expire', 'split', 'grant', 'transfer')),
  call_id text,
  result jsonb not null,
  xact xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default now()
);
create index transfer_call on transfer (call_id) where call_id is not null;

create table entry (
  transfer_id bigint not null references transfer (id),
  line integer not null,
  account_id bigint not null references account (id),
  amount_nano bigint not null check (amount_nano <> 0),
  balance_after_nano bigint not null,
  account_version bigint not null,
  primary key (transfer_id, line),
  unique (account_id, account_version)
);

create table hold (
  id text primary key,
  owner_id text not null,
  call_id text not null unique,
  amount_nano bigint not null,
  grant_nano bigint not null check (grant_nano >= 0),
  balance_nano bigint not null check (balance_nano >= 0),
  captured_nano bigint not null default 0,
  state text not null default 'open' check (state in ('open', 'captured', 'voided', 'expired')),
  reason text,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  settled_at timestamptz,
  hold_transfer_id bigint not null unique references transfer (id),
  settle_transfer_id bigint unique references transfer (id),
  constraint hold_sources check (grant_nano + balance_nano = amount_nano),
  constraint hold_captured check (captured_nano >= 0 and captured_nano <= amount_nano
    and (state = 'captured' or captured_nano = 0)),
  constraint hold_settled check ((state = 'open') = (settled_at is null)
    and (state = 'open') = (settle_transfer_id is null))
);
create index hold_open on hold (expires_at) where state = 'open';
create index hold_owner on hold (owner_id);

create function entry_applies() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from transfer t where t.id = new.transfer_id and t.xact = pg_current_xact_id()) then
    raise exception 'ledger: transfer % is closed, entries are added only by the transaction that made it',
      new.transfer_id using errcode = 'integrity_constraint_violation';
  end if;
  update account set balance_nano = balance_nano + new.amount_nano, version = version + 1
    where id = new.account_id
    returning balance_nano, version into new.balance_after_nano, new.account_version;
  return new;
end $$;
create trigger entry_applies before insert on entry for each row execute function entry_applies();

create function account_guard() returns trigger language plpgsql as $$
begin
  if pg_trigger_depth() < 2 then
    raise exception 'ledger: account % changes only by entries', old.id
      using errcode = 'integrity_constraint_violation';
  end if;
  if (new.id, new.asset, new.kind, new.owner_id) is distinct from (old.id, old.asset, old.kind, old.owner_id) then
    raise exception 'ledger: account % cannot change whose it is', old.id
      using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$;
create trigger account_guard before update on account for each row execute function account_guard();

create function account_starts_empty() returns trigger language plpgsql as $$
begin
  if new.balance_nano <> 0 or new.version <> 0 then
    raise exception 'ledger: an account starts at zero' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$;
create trigger account_starts_empty before insert on account for each row execute function account_starts_empty();

create function transfer_sums_to_zero() returns trigger language plpgsql as $$
declare
  off record;
begin
  select a.asset, sum(e.amount_nano) as total into off
    from entry e join account a on a.id = e.account_id
    where e.transfer_id = new.id group by a.asset having sum(e.amount_nano) <> 0 limit 1;
  if found then
    raise exception 'ledger: transfer % is off balance by % nano %', new.id, off.total, off.asset
      using errcode = 'integrity_constraint_violation', constraint = 'transfer_sums_to_zero';
  end if;
  return null;
end $$;
create constraint trigger transfer_sums_to_zero after insert on transfer
  deferrable initially deferred for each row execute function transfer_sums_to_zero();

create function ledger_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'ledger: % on % is refused, history is corrected by new transfers', tg_op, tg_table_name
    using errcode = 'integrity_constraint_violation', constraint = 'ledger_immutable';
end $$;
create trigger entry_immutable before update or delete on entry for each row execute function ledger_immutable();
create trigger transfer_immutable before update or delete on transfer for each row execute function ledger_immutable();
create trigger account_undeletable before delete on account for each row execute function ledger_immutable();
create trigger hold_undeletable before delete on hold for each row execute function ledger_immutable();
create trigger entry_untruncatable before truncate on entry execute function ledger_immutable();
create trigger transfer_untruncatable before truncate on transfer execute function ledger_immutable();
create trigger account_untruncatable before truncate on account execute function ledger_immutable();
create trigger hold_untruncatable before truncate on hold execute function ledger_immutable();

create function hold_guard() returns trigger language plpgsql as $$
begin
  if old.state <> 'open' then
    raise exception 'ledger: hold % is already %', old.id, old.state
      using errcode = 'integrity_constraint_violation', constraint = 'hold_ends_once';
  end if;
  if (new.id, new.owner_id, new.call_id, new.amount_nano, new.grant_nano, new.balance_nano, new.hold_transfer_id)
    is distinct from (old.id, old.owner_id, old.call_id, old.amount_nano, old.grant_nano, old.balance_nano, old.hold_transfer_id) then
    raise exception 'ledger: hold % cannot change its terms', old.id
      using errcode = 'integrity_constraint_violation', constraint = 'ledger_immutable';
  end if;
  return new;
end $$;
create trigger hold_guard before update on hold for each row execute function hold_guard();

-- First step of every intent: serialise on the key, then tell what it already did (no row: nothing yet).
create function ledger_intent(p_key text) returns table (request_hash text, result jsonb) language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(p_key, 0));
  return query select t.request_hash, t.result from transfer t where t.idempotency_key = p_key;
end $$;

-- One posting. p_entries: [{"kind": text, "owner": text, "amount": text}]; same account twice is added up.
-- Accounts are locked in id order, so that postings cannot deadlock with each other.
create function ledger_post(p_key text, p_hash text, p_kind text, p_call text, p_result jsonb, p_entries jsonb)
returns bigint language plpgsql as $$
declare
  v_id bigint;
begin
  insert into transfer (idempotency_key, request_hash, kind, call_id, result)
    values (p_key, p_hash, p_kind, p_call, p_result) returning id into v_id;
  insert into account (kind, owner_id)
    select distinct e.kind, e.owner from jsonb_to_recordset(p_entries) as e(kind text, owner text)
    order by 1, 2
    on conflict do nothing;
  insert into entry (transfer_id, line, account_id, amount_nano, balance_after_nano, account_version)
    select v_id, row_number() over (order by s.id), s.id, s.amount, 0, 0
    from (
      select a.id, sum(e.amount)::bigint as amount
      from jsonb_to_recordset(p_entries) as e(kind text, owner text, amount bigint)
      join account a on a.owner_id = e.owner and a.kind = e.kind and a.asset = 'OPEN'
      group by a.id having sum(e.amount) <> 0
    ) s
    order by s.id;
  return v_id;
end $$;
