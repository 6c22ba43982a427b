create table model (
  id text primary key,
  slug text not null unique check (slug <> ''),
  title text not null,
  description text not null,
  datanet_id text not null references datanet (id),
  creator_id text not null references person (id),
  price_call_nano bigint not null check (price_call_nano >= 0),
  price_prompt_ktoken_nano bigint not null check (price_prompt_ktoken_nano >= 0),
  price_answer_ktoken_nano bigint not null check (price_answer_ktoken_nano >= 0),
  data_bps integer not null check (data_bps >= 0),
  creator_bps integer not null check (creator_bps >= 0),
  node_bps integer not null check (node_bps >= 0),
  platform_bps integer not null check (platform_bps >= 0),
  state text not null default 'listed' check (state in ('listed', 'retired')),
  current_version_id text,
  created_at timestamptz not null default now(),
  constraint model_split check (data_bps + creator_bps + node_bps + platform_bps = 10000)
);

create table model_version (
  id text primary key,
  model_id text not null references model (id),
  number integer not null check (number > 0),
  datanet_version_id text not null references datanet_version (id),
  adapter_dir text not null,
  recipe jsonb not null default '{}',
  evaluation jsonb,
  store_hashes jsonb not null default '{}',
  state text not null default 'candidate' check (state in ('candidate', 'published', 'rejected', 'superseded')),
  reason text,
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  unique (model_id, number)
);
create unique index model_version_published on model_version (model_id) where state = 'published';
alter table model add foreign key (current_version_id) references model_version (id);
alter table conversation add foreign key (model_id) references model (id);

create table training_run (
  id text primary key,
  seq integer generated always as identity unique,
  model_id text not null references model (id),
  datanet_version_id text not null references datanet_version (id),
  state text not null default 'queued'
    check (state in ('queued', 'running', 'evaluating', 'published', 'rejected', 'failed', 'cancelled')),
  progress jsonb not null default '{}',
  model_version_id text references model_version (id),
  error text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz
);
create unique index training_run_active on training_run (model_id, datanet_version_id)
  where state in ('queued', 'running', 'evaluating');

create table watcher (
  training_run_id text not null references training_run (id),
  conversation_id text not null references conversation (id),
  created_at timestamptz not null default now(),
  primary key (training_run_id, conversation_id)
);
