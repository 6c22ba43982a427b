create table version_audit (
  id text primary key,
  seq integer generated always as identity unique,
  model_version_id text not null references model_version (id),
  source text not null check (source in ('here', 'shipped')),
  state text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
  seed integer not null,
  progress jsonb not null default '{}',
  report jsonb,
  error text,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint version_audit_reported check ((state = 'done') = (report is not null)),
  constraint version_audit_failed check ((state = 'failed') = (error is not null)),
  constraint version_audit_finished check ((state in ('done', 'failed')) = (finished_at is not null))
);
create unique index version_audit_open on version_audit (model_version_id) where state in ('queued', 'running');
create index version_audit_newest on version_audit (model_version_id, seq);

create function version_audit_moves_forward() returns trigger language plpgsql as $$
begin
  if old.state in ('done', 'failed') or (old.state = 'running' and new.state = 'queued')
    or (new.id, new.model_version_id, new.source, new.seed) is distinct from (old.id, old.model_version_id, old.source, old.seed) then
    raise exception 'audit % cannot change what it found', old.id
      using errcode = 'check_violation', constraint = 'version_audit_moves_forward';
  end if;
  return new;
end $$;
create trigger version_audit_moves_forward before update on version_audit
  for each row execute function version_audit_moves_forward();
create trigger version_audit_undeletable before delete on version_audit for each row execute function ledger_immutable();
create trigger version_audit_untruncatable before truncate on version_audit execute function ledger_immutable();

create table audit_salt (
  day text primary key check (day ~ '^\d{4}-\d{2}-\d{2}$'),
  salt text not null check (salt ~ '^0x[0-9a-f]{64}$'),
  commitment text not null check (commitment ~ '^0x[0-9a-f]{64}$'),
  created_at timestamptz not null default now()
);
create trigger audit_salt_immutable before update or delete on audit_salt for each row execute function ledger_immutable();
create trigger audit_salt_untruncatable before truncate on audit_salt execute function ledger_immutable();

create table call_audit (
  call_id text primary key references call (id),
  model_version_id text not null references model_version (id),
  day text not null references audit_salt (day),
  state text not null default 'due' check (state in ('due', 'done', 'left_out')),
  version_audit_id text references version_audit (id),
  report jsonb,
  reason text,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint call_audit_reported check ((state = 'done') = (report is not null)),
  constraint call_audit_left_out check ((state = 'left_out') = (reason is not null)),
  constraint call_audit_finished check ((state = 'due') = (finished_at is null))
);
create index call_audit_version on call_audit (model_version_id, state);

create function call_audit_once() returns trigger language plpgsql as $$
begin
  if old.state <> 'due' or (new.call_id, new.model_version_id, new.day) is distinct from (old.call_id, old.model_version_id, old.day) then
    raise exception 'the audit of call % is over', old.call_id
      using errcode = 'check_violation', constraint = 'call_audit_once';
  end if;
  return new;
end $$;
create trigger call_audit_once before update on call_audit for each row execute function call_audit_once();
create trigger call_audit_undeletable before delete on call_audit for each row execute function ledger_immutable();
create trigger call_audit_untruncatable before truncate on call_audit execute function ledger_immutable();
