-- Epochs: what is settled together, the leaves of their two trees, and every transaction signed to post them. See note.md.
create table epoch (
  number integer primary key check (number > 0),
  state text not null default 'cut' check (state in ('cut', 'built', 'signed', 'sent', 'final', 'vetoed')),
  cause text,
  base_number integer references epoch (number) check (base_number < number),
  claims_number integer references epoch (number) check (claims_number <= number),
  receipt_count integer not null check (receipt_count >= 0),
  claim_count integer not null check (claim_count >= 0),
  claims_total_nano bigint not null check (claims_total_nano >= 0),
  waiting_nano bigint not null default 0 check (waiting_nano >= 0),
  receipts_from integer not null,
  receipts_root text check (receipts_root ~ '^0x[0-9a-f]{64}$'),
  claims_root text check (claims_root ~ '^0x[0-9a-f]{64}$'),
  receipts_file_hash text check (receipts_file_hash ~ '^0x[0-9a-f]{64}$'),
  claims_file_hash text check (claims_file_hash ~ '^0x[0-9a-f]{64}$'),
  leaf_file_hash text check (leaf_file_hash ~ '^0x[0-9a-f]{64}$'),
  cut_at timestamptz not null,
  built_at timestamptz,
  active_at timestamptz,
  ended_at timestamptz,
  tx_hash text,
  block_number bigint,
  block_hash text,
  constraint epoch_has_leaves check (receipt_count > 0 or claims_number = number),
  constraint epoch_claims check ((claims_number is null) = (claim_count = 0)),
  constraint epoch_built check (state = 'cut' or (receipts_root is not null and claims_root is not null
    and leaf_file_hash is not null and built_at is not null)),
  constraint epoch_posted check (state <> 'final' or (tx_hash is not null and block_number is not null))
);
create index epoch_claims_root on epoch (claims_root);
create unique index epoch_in_flight on epoch ((true)) where state in ('signed', 'sent');

create function epoch_moves_forward() returns trigger language plpgsql as $$
begin
  if new.state <> old.state and not (old.state, new.state) in (
    ('cut', 'built'), ('built', 'signed'), ('built', 'final'), ('signed', 'sent'), ('signed', 'final'),
    ('sent', 'final'), ('final', 'vetoed')) then
    raise exception 'epoch % cannot go from % to %', new.number, old.state, new.state
      using errcode = 'check_violation', constraint = 'epoch_moves_forward';
  end if;
  if (new.number, new.base_number, new.claims_number, new.receipt_count, new.claim_count, new.claims_total_nano,
      new.waiting_nano, new.receipts_from, new.cut_at)
    is distinct from (old.number, old.base_number, old.claims_number, old.receipt_count, old.claim_count,
      old.claims_total_nano, old.waiting_nano, old.receipts_from, old.cut_at)
    or (old.state <> 'cut' and (new.receipts_root, new.claims_root, new.leaf_file_hash)
      is distinct from (old.receipts_root, old.claims_root, old.leaf_file_hash)) then
    raise exception 'epoch % cannot change what it holds', old.number
      using errcode = 'integrity_constraint_violation', constraint = 'epoch_moves_forward';
  end if;
  return new;
end $$;
create trigger epoch_moves_forward before update on epoch for each row execute function epoch_moves_forward();

create table epoch_receipt (
  epoch_number integer not null references epoch (number) deferrable initially deferred,
  leaf_index integer not null check (leaf_index >= 0),
  call_id text not null unique references receipt (call_id),
  primary key (epoch_number, leaf_index)
);

create table claim_leaf (
  epoch_number integer not null references epoch (number),
  wallet text collate "C" not null check (wallet ~ '^0x[0-9a-f]{40}$'),
  cumulative_nano bigint not null check (cumulative_nano > 0),
  primary key (epoch_number, wallet)
);

-- A root may never lower an account: a leaf stands at least as high as in the epoch that this one builds upon.
create function claim_leaf_never_falls() returns trigger language plpgsql as $$
begin
  if exists (select 1 from epoch e join epoch b on b.number = e.base_number
      join claim_leaf before on before.epoch_number = b.claims_number and before.wallet = new.wallet
      where e.number = new.epoch_number and before.cumulative_nano > new.cumulative_nano) then
    raise exception 'epoch %: the leaf of % would fall to %', new.epoch_number, new.wallet, new.cumulative_nano
      using errcode = 'integrity_constraint_violation', constraint = 'claim_leaf_never_falls';
  end if;
  return new;
end $$;
create trigger claim_leaf_never_falls before insert on claim_leaf
  for each row execute function claim_leaf_never_falls();

create trigger epoch_undeletable before delete on epoch for each row execute function ledger_immutable();
create trigger epoch_untruncatable before truncate on epoch execute function ledger_immutable();
create trigger epoch_receipt_immutable before update or delete on epoch_receipt
  for each row execute function ledger_immutable();
create trigger epoch_receipt_untruncatable before truncate on epoch_receipt execute function ledger_immutable();
create trigger claim_leaf_immutable before update or delete on claim_leaf
  for each row execute function ledger_immutable();
create trigger claim_leaf_untruncatable before truncate on claim_leaf execute function ledger_immutable();

create table posting (
  epoch_number integer not null references epoch (number),
  attempt integer not null check (attempt > 0),
  state text not null default 'signed' check (state in ('signed', 'sent', 'final', 'reverted', 'dropped')),
  cause text,
  tx_hash text not null unique,
  nonce integer not null check (nonce >= 0),
  raw text not null,
  signed_at timestamptz not null,
  sent_at timestamptz,
  primary key (epoch_number, attempt)
);
create unique index posting_final on posting (epoch_number) where state = 'final';

create table payout (
  epoch_number integer not null check (epoch_number > 0),
  owner_id text not null,
  wallet text not null check (wallet ~ '^0x[0-9a-f]{40}$'),
  earned_nano bigint not null check (earned_nano >= 0),
  own_nano bigint not null check (own_nano >= 0),
  created_at timestamptz not null default now(),
  primary key (epoch_number, owner_id),
  constraint payout_of_something check (earned_nano + own_nano > 0)
);
create index payout_owner on payout (owner_id, epoch_number desc);
create index payout_wallet on payout (wallet, epoch_number desc);

create trigger posting_undeletable before delete on posting for each row execute function ledger_immutable();
create trigger posting_untruncatable before truncate on posting execute function ledger_immutable();
create trigger payout_immutable before update or delete on payout for each row execute function ledger_immutable();
create trigger payout_untruncatable before truncate on payout execute function ledger_immutable();

create table withdrawal (
  id text primary key,
  person_id text not null references person (id),
  amount_nano bigint not null check (amount_nano > 0),
  state text not null default 'asked' check (state in ('asked', 'cancelled', 'replaced', 'paid')),
  paid_nano bigint not null default 0 check (paid_nano >= 0 and paid_nano <= amount_nano),
  epoch_number integer,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  constraint withdrawal_ends check ((state = 'asked') = (ended_at is null)),
  constraint withdrawal_paid check ((state = 'paid') = (paid_nano > 0) and (state = 'paid') = (epoch_number is not null))
);
create unique index withdrawal_asked on withdrawal (person_id) where state = 'asked';

create table chain_record (
  subject_kind text not null check (subject_kind in ('datanet_version', 'model_version')),
  subject_id text not null,
  problem text,
  recorded_at timestamptz not null default now(),
  primary key (subject_kind, subject_id)
);
