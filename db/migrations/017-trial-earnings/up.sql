-- What was earned from trial credit: shown as earned, never paid out. See note.md.
create table trial_earning (
  call_id text not null references call (id),
  kind text not null check (kind in ('contributor', 'creator', 'node', 'platform')),
  owner_id text not null,
  amount_nano bigint not null check (amount_nano > 0),
  primary key (call_id, kind, owner_id)
);
create index trial_earning_owner on trial_earning (owner_id, kind) include (amount_nano);
create trigger trial_earning_immutable before update or delete on trial_earning
  for each row execute function ledger_immutable();
create trigger trial_earning_untruncatable before truncate on trial_earning execute function ledger_immutable();

-- What each owner earned by a call, and the part of it that trial credit paid, rounded up to a nano. The price is taken from
-- the grant first (ledger_capture). Plain SQL: it is inlined, and reads what its caller may read.
create function trial_earned(p_call text)
returns table (call_id text, kind text, owner_id text, amount_nano bigint) stable language sql as $$
  select h.call_id, a.kind, a.owner_id,
    ceil(sum(e.amount_nano) * least(h.captured_nano, h.grant_nano) / h.captured_nano::numeric)::bigint
  from hold h join transfer t on t.call_id = h.call_id and t.kind in ('capture', 'split')
    join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
  where h.call_id = p_call and h.state = 'captured' and h.grant_nano > 0 and h.captured_nano > 0
    and e.amount_nano > 0 and a.kind in ('contributor', 'creator', 'node', 'platform')
  group by h.call_id, h.captured_nano, h.grant_nano, a.kind, a.owner_id
$$;

insert into trial_earning (call_id, kind, owner_id, amount_nano)
  select f.* from call c cross join lateral trial_earned(c.id) f where c.state = 'captured';

-- The second place that keeps the rule: whatever computed a payout, what stays behind covers what trial credit paid.
create function ledger_payout_leaves_trial() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  v_owner text;
begin
  select a.owner_id into v_owner
    from entry e join account_now a on a.id = e.account_id
    where e.transfer_id = new.id and a.kind in ('contributor', 'creator', 'node', 'platform')
      and a.balance_nano < (select coalesce(sum(t.amount_nano), 0) from trial_earning t
        where t.owner_id = a.owner_id and t.kind = a.kind)
    limit 1;
  if found then
    raise exception 'ledger: payout % would pay % what trial credit paid', new.id, v_owner
      using errcode = 'integrity_constraint_violation', constraint = 'payout_leaves_trial';
  end if;
  return null;
end $$;
create constraint trigger payout_leaves_trial after insert on transfer deferrable initially deferred
  for each row when (new.kind = 'payout') execute function ledger_payout_leaves_trial();
