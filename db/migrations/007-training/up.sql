create table correction (
  call_id text not null references call (id),
  person_id text not null references person (id),
  contribution_id text not null references contribution (id),
  created_at timestamptz not null default now(),
  primary key (call_id, person_id)
);
create index correction_contribution on correction (contribution_id);

create table training_point (
  training_run_id text not null references training_run (id),
  phase text not null check (phase in ('sft', 'dpo', 'orpo', 'kto')),
  step integer not null check (step > 0),
  loss double precision not null,
  held_out_loss double precision,
  tokens_per_second double precision not null check (tokens_per_second >= 0),
  created_at timestamptz not null default now(),
  primary key (training_run_id, phase, step)
);

alter table training_run
  add column phases jsonb not null default '[]',
  add column cancelled_by text references person (id),
  add constraint training_run_cancelled check (cancelled_by is null or state = 'cancelled');

create index call_model_version on call (model_version_id, seq);
