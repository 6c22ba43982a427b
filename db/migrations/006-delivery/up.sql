create table inbound_event (
  platform text not null,
  update_id text not null,
  created_at timestamptz not null default now(),
  primary key (platform, update_id)
);
create index inbound_event_age on inbound_event (created_at);

create table delivery (
  id bigint generated always as identity primary key,
  key text not null unique,
  platform text not null,
  payload jsonb not null,
  state text not null default 'pending' check (state in ('pending', 'sent')),
  platform_message_id text,
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  check ((state = 'sent') = (sent_at is not null))
);
create index delivery_pending on delivery (id) where state = 'pending';
