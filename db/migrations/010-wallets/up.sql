create table wallet (
  id text primary key,
  address text not null check (address ~ '^0x[0-9a-f]{40}$'),
  person_id text not null references person (id),
  linked_at timestamptz not null default now(),
  unlinked_at timestamptz,
  constraint wallet_times check (unlinked_at is null or unlinked_at >= linked_at)
);
create unique index wallet_address_linked on wallet (address) where unlinked_at is null;
create unique index wallet_person_linked on wallet (person_id) where unlinked_at is null;
create index wallet_person on wallet (person_id);

create table deposit_reference (
  ref text primary key check (ref ~ '^0x[0-9a-f]{64}$'),
  person_id text not null unique references person (id),
  news_platform text,
  news_conversation_id text,
  created_at timestamptz not null default now(),
  constraint deposit_reference_news check ((news_platform is null) = (news_conversation_id is null))
);

create table wallet_link (
  token_hash text primary key check (token_hash ~ '^[0-9a-f]{64}$'),
  person_id text not null references person (id),
  account text not null check (account <> ''),
  nonce text not null unique check (nonce ~ '^[0-9A-Za-z]{16,}$'),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  opened_at timestamptz,
  visit_hash text unique check (visit_hash ~ '^[0-9a-f]{64}$'),
  visit_expires_at timestamptz,
  used_at timestamptz,
  wallet_id text references wallet (id),
  constraint wallet_link_times check (expires_at > created_at),
  constraint wallet_link_opened check ((opened_at is null) = (visit_hash is null)
    and (opened_at is null) = (visit_expires_at is null)),
  constraint wallet_link_used check ((used_at is null) = (wallet_id is null) and (used_at is null or opened_at is not null))
);
create index wallet_link_person on wallet_link (person_id);

create function wallet_link_guard() returns trigger language plpgsql as $$
begin
  if (new.token_hash, new.person_id, new.account, new.nonce, new.created_at, new.expires_at)
    is distinct from (old.token_hash, old.person_id, old.account, old.nonce, old.created_at, old.expires_at)
    or (old.opened_at is not null and (new.opened_at, new.visit_hash) is distinct from (old.opened_at, old.visit_hash))
    or (old.used_at is not null and (new.used_at, new.wallet_id) is distinct from (old.used_at, old.wallet_id)) then
    raise exception 'wallet: a one-time link is opened once and used once'
      using errcode = 'integrity_constraint_violation', constraint = 'wallet_link_once';
  end if;
  return new;
end $$;
create trigger wallet_link_guard before update on wallet_link for each row execute function wallet_link_guard();

create table chain_cursor (
  chain_id bigint not null,
  vault text not null check (vault ~ '^0x[0-9a-f]{40}$'),
  next_block bigint not null check (next_block >= 0),
  latest_block bigint,
  final_block bigint,
  final_hash text,
  alarm text,
  alarm_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (chain_id, vault),
  constraint chain_cursor_final check ((final_block is null) = (final_hash is null)),
  constraint chain_cursor_alarm check ((alarm is null) = (alarm_at is null))
);

create table chain_event (
  chain_id bigint not null,
  tx_hash text not null check (tx_hash ~ '^0x[0-9a-f]{64}$'),
  log_index integer not null,
  vault text not null,
  kind text not null check (kind in ('deposit', 'claim', 'epoch', 'veto')),
  block_number bigint not null,
  block_hash text not null check (block_hash ~ '^0x[0-9a-f]{64}$'),
  payload jsonb not null,
  owner_id text,
  state text not null default 'pending' check (state in ('pending', 'orphaned', 'final', 'credited', 'lost')),
  amount_nano bigint check (amount_nano >= 0),
  rest_wei bigint not null default 0 check (rest_wei >= 0 and rest_wei < 1000000000),
  transfer_id bigint unique references transfer (id),
  seen_at timestamptz not null default now(),
  settled_at timestamptz,
  primary key (chain_id, tx_hash, log_index),
  constraint chain_event_credited check ((transfer_id is not null) = (state in ('credited', 'lost'))),
  constraint chain_event_place check (log_index >= 0 or state in ('orphaned', 'lost')),
  constraint chain_event_settled check ((settled_at is not null) = (state in ('final', 'credited', 'lost')))
);
create index chain_event_open on chain_event (chain_id, vault, block_number) where state = 'pending';
create index chain_event_block on chain_event (chain_id, vault, block_number);
create index chain_event_owner on chain_event (owner_id, block_number) where kind = 'deposit';

create function chain_event_guard() returns trigger language plpgsql as $$
begin
  if old.transfer_id is not null and new.transfer_id is distinct from old.transfer_id
    or old.state = 'credited' and new.state not in ('credited', 'lost')
    or old.state = 'lost' and new.state not in ('credited', 'lost')
    or (new.chain_id, new.vault, new.tx_hash, new.kind) is distinct from (old.chain_id, old.vault, old.tx_hash, old.kind) then
    raise exception 'watcher: a log that was booked stays booked'
      using errcode = 'integrity_constraint_violation', constraint = 'chain_event_booked';
  end if;
  return new;
end $$;
create trigger chain_event_guard before update on chain_event for each row execute function chain_event_guard();

create function chain_event_keep() returns trigger language plpgsql as $$
begin
  raise exception 'watcher: % on chain_event is refused', tg_op
    using errcode = 'integrity_constraint_violation', constraint = 'chain_event_booked';
end $$;
create trigger chain_event_undeletable before delete on chain_event for each row execute function chain_event_keep();
create trigger chain_event_untruncatable before truncate on chain_event execute function chain_event_keep();
