create table call (
  id text primary key,
  seq integer generated always as identity unique,
  event_key text not null unique,
  person_id text not null references person (id),
  conversation_id text references conversation (id),
  model_id text not null references model (id),
  model_version_id text not null references model_version (id),
  state text not null default 'quoted'
    check (state in ('quoted', 'held', 'generating', 'captured', 'voided', 'unknown')),
  hold_id text references hold (id),
  ceiling_nano bigint not null check (ceiling_nano >= 0),
  price_nano bigint check (price_nano >= 0),
  prompt_tokens integer check (prompt_tokens >= 0),
  answer_tokens integer check (answer_tokens >= 0),
  prompt text not null,
  prompt_hash text not null,
  answer text,
  error_code text,
  finish_reason text,
  quoted_at timestamptz not null default now(),
  held_at timestamptz,
  generating_at timestamptz,
  settled_at timestamptz,
  attributed_at timestamptz,
  constraint call_price check (price_nano is null or price_nano <= ceiling_nano),
  constraint call_captured check (state <> 'captured' or (price_nano is not null and answer is not null))
);
create index call_person on call (person_id, seq desc);
create index call_unsettled on call (seq) where state in ('quoted', 'held', 'generating', 'unknown');
create index call_unattributed on call (seq) where state = 'captured' and attributed_at is null;
alter table message add foreign key (call_id) references call (id);

create function call_moves_forward() returns trigger language plpgsql as $$
begin
  if new.state <> old.state and not (old.state, new.state) in (
    ('quoted', 'held'), ('quoted', 'voided'),
    ('held', 'generating'), ('held', 'voided'), ('held', 'unknown'),
    ('generating', 'captured'), ('generating', 'voided'), ('generating', 'unknown'),
    ('unknown', 'captured'), ('unknown', 'voided')) then
    raise exception 'call % cannot go from % to %', new.id, old.state, new.state
      using errcode = 'check_violation', constraint = 'call_moves_forward';
  end if;
  return new;
end $$;
create trigger call_moves_forward before update on call for each row execute function call_moves_forward();

create table call_share (
  call_id text not null references call (id),
  rank integer not null check (rank > 0),
  contribution_id text references contribution (id),
  person_id text not null references person (id),
  kind text not null check (kind in ('influence', 'fallback')),
  share_ppm integer not null check (share_ppm between 0 and 1000000),
  amount_nano bigint not null check (amount_nano >= 0),
  primary key (call_id, rank)
);
create index call_share_person on call_share (person_id);
create index call_share_contribution on call_share (contribution_id);

create table receipt (
  call_id text primary key references call (id),
  number integer generated always as identity unique,
  body jsonb not null,
  hash text not null,
  created_at timestamptz not null default now()
);

create table rating (
  call_id text not null references call (id),
  person_id text not null references person (id),
  value integer not null check (value in (-1, 0, 1)),
  updated_at timestamptz not null default now(),
  primary key (call_id, person_id)
);

create table rating_change (
  id bigint generated always as identity primary key,
  call_id text not null,
  person_id text not null,
  value integer not null,
  created_at timestamptz not null default now(),
  foreign key (call_id, person_id) references rating (call_id, person_id)
);
