create table person (
  id text primary key,
  seq integer generated always as identity unique,
  pseudonym text not null unique check (pseudonym <> ''),
  created_at timestamptz not null default now()
);

create table identity (
  platform text not null,
  platform_user_id text not null,
  person_id text not null references person (id),
  display_name text not null,
  created_at timestamptz not null default now(),
  primary key (platform, platform_user_id)
);
create index identity_person on identity (person_id);

create table conversation (
  id text primary key,
  platform text not null,
  platform_conversation_id text not null,
  person_id text not null references person (id),
  model_id text,
  state text not null default 'open' check (state in ('open', 'closed')),
  message_count integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index conversation_open on conversation (platform, platform_conversation_id, person_id) where state = 'open';

create table message (
  conversation_id text not null references conversation (id),
  seq integer not null,
  role text not null check (role in ('system', 'user', 'assistant')),
  content text not null,
  call_id text,
  created_at timestamptz not null default now(),
  primary key (conversation_id, seq)
);
