-- Which contribution a reviewer was given to judge: nobody picks, so nobody picks a friend's. See note.md.
create table review_draw (
  contribution_id text not null references contribution (id),
  reviewer_id text not null references person (id),
  drawn_at timestamptz not null default now(),
  primary key (contribution_id, reviewer_id)
);
create index review_draw_reviewer on review_draw (reviewer_id);
create trigger review_draw_immutable before update or delete on review_draw for each row execute function ledger_immutable();

-- Whose words were rejected: only they may offer them again.
create index contribution_rejected on contribution (datanet_id, content_hash) where state = 'rejected';
