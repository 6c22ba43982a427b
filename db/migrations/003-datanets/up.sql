create table lifecycle_event (
  id bigint generated always as identity primary key,
  subject_kind text not null,
  subject_id text not null,
  from_state text,
  to_state text not null,
  cause text not null,
  created_at timestamptz not null default now()
);
create index lifecycle_subject on lifecycle_event (subject_kind, subject_id, id);

create table datanet (
  id text primary key,
  slug text not null unique check (slug <> ''),
  title text not null,
  description text not null,
  licence text not null,
  state text not null default 'collecting'
    check (state in ('proposed', 'collecting', 'training', 'published', 'retired')),
  conditions jsonb not null default '{}',
  owner_id text not null references person (id),
  created_at timestamptz not null default now()
);

create table consent (
  person_id text not null references person (id),
  datanet_id text not null references datanet (id),
  text_version text not null,
  licence text not null,
  given_at timestamptz not null default now(),
  primary key (person_id, datanet_id, text_version)
);

create table contribution (
  id text primary key,
  seq integer generated always as identity unique,
  datanet_id text not null references datanet (id),
  person_id text not null references person (id),
  question text not null,
  answer text not null,
  content_hash text not null,
  state text not null default 'submitted' check (state in ('submitted', 'accepted', 'rejected', 'retracted')),
  reject_reason text,
  submitted_at timestamptz not null default now(),
  decided_at timestamptz,
  constraint contribution_reason check (state <> 'rejected' or reject_reason is not null)
);
create unique index contribution_once on contribution (datanet_id, content_hash) where state in ('submitted', 'accepted');
create index contribution_state on contribution (datanet_id, state, seq);
create index contribution_person on contribution (person_id, seq);

create table review (
  contribution_id text not null references contribution (id),
  reviewer_id text not null references person (id),
  verdict text not null check (verdict in ('accept', 'reject')),
  reason text,
  created_at timestamptz not null default now(),
  primary key (contribution_id, reviewer_id),
  constraint review_reason check (verdict = 'accept' or reason is not null)
);

create function review_not_own() returns trigger language plpgsql as $$
begin
  if exists (select 1 from contribution c where c.id = new.contribution_id and c.person_id = new.reviewer_id) then
    raise exception 'review: nobody reviews their own contribution (%)', new.contribution_id
      using errcode = 'check_violation', constraint = 'review_not_own';
  end if;
  return new;
end $$;
create trigger review_not_own before insert or update on review for each row execute function review_not_own();

create table datanet_version (
  id text primary key,
  datanet_id text not null references datanet (id),
  number integer not null check (number > 0),
  merkle_root text not null,
  contribution_count integer not null check (contribution_count >= 0),
  created_at timestamptz not null default now(),
  unique (datanet_id, number)
);

create table datanet_version_contribution (
  datanet_version_id text not null references datanet_version (id),
  contribution_id text not null references contribution (id),
  position integer not null check (position >= 0),
  primary key (datanet_version_id, contribution_id),
  unique (datanet_version_id, position)
);

create function version_immutable() returns trigger language plpgsql as $$
begin
  raise exception '% on % is refused: a version never changes', tg_op, tg_table_name
    using errcode = 'integrity_constraint_violation', constraint = 'version_immutable';
end $$;
create trigger datanet_version_immutable before update or delete on datanet_version
  for each row execute function version_immutable();
create trigger datanet_version_contribution_immutable before update or delete on datanet_version_contribution
  for each row execute function version_immutable();
