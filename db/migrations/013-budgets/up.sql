create table budget (
  person_id text not null references person (id),
  scope text not null check (scope in ('message', 'day', 'conversation')),
  limit_nano bigint check (limit_nano >= 0),
  updated_at timestamptz not null default now(),
  primary key (person_id, scope)
);

create table budget_warning (
  person_id text not null references person (id),
  scope text not null check (scope in ('message', 'day', 'conversation')),
  period text not null check (period <> ''),
  limit_nano bigint not null check (limit_nano > 0),
  spent_nano bigint not null check (spent_nano >= 0),
  renews_at timestamptz,
  call_id text not null references call (id),
  created_at timestamptz not null default now(),
  primary key (person_id, scope, period, limit_nano)
);
create index budget_warning_call on budget_warning (call_id);

create index call_person_time on call (person_id, quoted_at);
create index call_conversation on call (conversation_id, person_id);

create table operator_act (
  key text primary key,
  kind text not null check (kind in ('refund', 'correction')),
  operator text not null check (operator <> ''),
  reason text not null check (reason <> ''),
  created_at timestamptz not null default now()
);
create trigger operator_act_immutable before update or delete on operator_act for each row execute function ledger_immutable();
create trigger operator_act_untruncatable before truncate on operator_act execute function ledger_immutable();
