-- The money path's kinds, balances that are rolled up later, and each verb as one call that takes many intents. See note.md.
alter table account drop constraint account_kind_check;
alter table account add constraint account_kind_check check (kind in ('user', 'user_grant', 'hold', 'call_pool',
  'contributor', 'creator', 'node', 'platform', 'treasury', 'vault', 'dust', 'claimable'));
alter table transfer drop constraint transfer_kind_check;
alter table transfer add constraint transfer_kind_check check (kind in ('hold', 'capture', 'void', 'expire', 'split',
  'grant', 'transfer', 'deposit', 'payout', 'claim', 'refund', 'correction'));
alter table transfer add column reason text check (reason <> '');
-- one asset a transfer: its sum is then the sum per asset
alter table transfer add column asset text not null default 'OPEN';

-- What can be derived is not stored, and foreign keys on entry lock the account's row for every line: entry_applies checks
-- both ends instead, and neither accounts nor transfers can be deleted.
alter table entry drop constraint entry_transfer_id_fkey, drop constraint entry_account_id_fkey,
  drop column balance_after_nano, drop column account_version;
create index entry_account on entry (account_id, transfer_id);
alter table hold drop constraint hold_hold_transfer_id_key, drop constraint hold_settle_transfer_id_key,
  drop constraint hold_hold_transfer_id_fkey, drop constraint hold_settle_transfer_id_fkey;
drop index hold_owner;

-- Balances are updated in place, within the page.
alter table account set (fillfactor = 60);
alter table hold set (fillfactor = 80);

-- Transfers with entries that their accounts' stored balances do not have yet. A row goes by the roll-up, which its deletion is.
create table entry_pending (
  transfer_id bigint primary key
) with (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);

-- Money coming in to accounts that many calls pay into at once waits for the roll-up; so does the treasury, which has no
-- floor. All else, and every amount that goes out of an account with a floor, is applied at once under the account's lock.
create function ledger_entry_waits(p_kind text, p_amount bigint) returns boolean immutable language sql as $$
  select p_kind = 'treasury' or (p_amount > 0 and p_kind in ('contributor', 'creator', 'node', 'platform', 'dust'))
$$;

-- Accounts with the balance they have now: stored and waiting.
create view account_now as
  select a.id, a.asset, a.kind, a.owner_id,
    (a.balance_nano + case when ledger_entry_waits(a.kind, 1) then coalesce((
      select sum(e.amount_nano) from entry_pending p join entry e on e.transfer_id = p.transfer_id
      where e.account_id = a.id and ledger_entry_waits(a.kind, e.amount_nano)), 0) else 0 end)::bigint as balance_nano
  from account a;

drop trigger entry_applies on entry;
drop function entry_applies();
-- All entries of a transfer come in one statement (the one that has its line 1) of the transaction that made it, on accounts
-- of its asset; what does not wait is added to the balances.
create function ledger_entry_applies() returns trigger language plpgsql as $$
declare
  v_off bigint;
  v_assets text[];
  v_lost bigint;
  v_waits boolean;
begin
  select min(f.transfer_id) filter (where t.xact is distinct from pg_current_xact_id() or f.firsts <> 1), array[min(t.asset), max(t.asset)]
    into v_off, v_assets
    from (select transfer_id, count(*) filter (where line = 1) as firsts from fresh group by transfer_id) f
      left join lateral (select t.xact, t.asset from transfer t where t.id = f.transfer_id limit 1) t on true;
  if v_off is not null then
    raise exception 'ledger: transfer % is closed, its entries are added at once by the transaction that made it', v_off
      using errcode = 'integrity_constraint_violation', constraint = 'entry_applies';
  end if;
  with moved as materialized (
    select f.account_id, f.out_nano, f.in_nano, f.outs, f.ins, k.kind, k.asset, ledger_entry_waits(k.kind, 1) as is_hot
    from (
      select account_id, coalesce(sum(amount_nano) filter (where amount_nano < 0), 0) as out_nano,
        coalesce(sum(amount_nano) filter (where amount_nano > 0), 0) as in_nano,
        count(*) filter (where amount_nano < 0) as outs, count(*) filter (where amount_nano > 0) as ins
      from fresh group by account_id) f
      left join lateral (select k.kind, k.asset from account k where k.id = f.account_id limit 1) k on true
  ), applied as (
    update account a set balance_nano = a.balance_nano + m.out_nano + case when is_hot then 0 else m.in_nano end,
        version = a.version + m.outs + case when is_hot then 0 else m.ins end
      from moved m where a.id = m.account_id and (not is_hot or (m.outs > 0 and m.kind <> 'treasury'))
  )
  select count(*) filter (where asset is distinct from v_assets[1] or asset is distinct from v_assets[2]),
      bool_or(is_hot and (ins > 0 or kind = 'treasury'))
    into v_lost, v_waits from moved;
  if v_lost > 0 then
    raise exception 'ledger: an entry has no account of the asset of its transfer'
      using errcode = 'integrity_constraint_violation', constraint = 'entry_applies';
  end if;
  if v_waits then
    insert into entry_pending select distinct transfer_id from fresh;
  end if;
  return null;
end $$;
create trigger entry_applies after insert on entry
  referencing new table as fresh for each statement execute function ledger_entry_applies();

create function ledger_pending_rolls_up() returns trigger language plpgsql as $$
begin
  update account a set balance_nano = a.balance_nano + m.amount, version = a.version + m.lines
    from (
      select s.account_id, case when k.kind = 'treasury' then s.total else s.come_in end as amount,
        case when k.kind = 'treasury' then s.lines else s.ins end as lines
      from (
        select e.account_id, sum(e.amount_nano) as total, count(*) as lines,
          coalesce(sum(e.amount_nano) filter (where e.amount_nano > 0), 0) as come_in, count(*) filter (where e.amount_nano > 0) as ins
        from gone g
          cross join lateral (select e.account_id, e.amount_nano from entry e where e.transfer_id = g.transfer_id offset 0) e
        group by e.account_id) s
        cross join lateral (select k.kind from account k where k.id = s.account_id limit 1) k
      where ledger_entry_waits(k.kind, 1)) m
    where a.id = m.account_id and m.lines > 0;
  return null;
end $$;
create trigger entry_pending_rolls_up after delete on entry_pending
  referencing old table as gone for each statement execute function ledger_pending_rolls_up();
create function ledger_pending_guard() returns trigger language plpgsql as $$
begin
  raise exception 'ledger: % on entry_pending is refused, entries put their transfer there', tg_op
    using errcode = 'integrity_constraint_violation', constraint = 'entry_pending_guard';
end $$;
create trigger entry_pending_guard before insert on entry_pending for each row
  when (pg_trigger_depth() < 1) execute function ledger_pending_guard();
create trigger entry_pending_immutable before update on entry_pending for each row execute function ledger_immutable();
create trigger entry_pending_untruncatable before truncate on entry_pending execute function ledger_immutable();

-- Adds what waits to the stored balances; returns how many transfers did. One at a time: two would lock accounts crosswise.
create function ledger_roll_up() returns bigint language plpgsql as $$
declare
  v_count bigint;
begin
  perform pg_advisory_xact_lock(7305211404);
  delete from entry_pending;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- Guards without a function call where nothing is wrong: the condition is evaluated in place.
drop trigger account_guard on account;
create trigger account_guard before update on account for each row
  when (pg_trigger_depth() < 1
    or (new.id, new.asset, new.kind, new.owner_id) is distinct from (old.id, old.asset, old.kind, old.owner_id))
  execute function account_guard();
drop trigger account_starts_empty on account;
create trigger account_starts_empty before insert on account for each row
  when (new.balance_nano <> 0 or new.version <> 0) execute function account_starts_empty();
drop trigger hold_guard on hold;
create trigger hold_guard before update on hold for each row
  when (old.state <> 'open'
    or (new.id, new.owner_id, new.call_id, new.amount_nano, new.grant_nano, new.balance_nano, new.hold_transfer_id)
      is distinct from (old.id, old.owner_id, old.call_id, old.amount_nano, old.grant_nano, old.balance_nano, old.hold_transfer_id))
  execute function hold_guard();

create or replace function transfer_sums_to_zero() returns trigger language plpgsql as $$
declare
  v_total numeric;
begin
  v_total := (select sum(amount_nano) from entry where transfer_id = new.id);
  if v_total <> 0 then
    raise exception 'ledger: transfer % is off balance by % nano %', new.id, v_total, new.asset
      using errcode = 'integrity_constraint_violation', constraint = 'transfer_sums_to_zero';
  end if;
  return null;
end $$;

-- Each end of a hold is a transfer of this transaction, of the hold's call and of the fitting kind. A call has one hold, so
-- no transfer makes or settles two.
create function ledger_hold_has_transfer() returns trigger language plpgsql as $$
declare
  v_hold text;
begin
  select h.id into v_hold from touched h
    left join lateral (select t.xact, t.call_id, t.kind from transfer t
      where t.id = coalesce(h.settle_transfer_id, h.hold_transfer_id) limit 1) t on true
    where (tg_op = 'INSERT' or h.state <> 'open')
      and (t.xact is distinct from pg_current_xact_id() or t.call_id is distinct from h.call_id
        or t.kind is distinct from case h.state when 'open' then 'hold' when 'captured' then 'capture'
          when 'voided' then 'void' else 'expire' end)
    limit 1;
  if found then
    raise exception 'ledger: hold % has no transfer of its own', v_hold
      using errcode = 'integrity_constraint_violation', constraint = 'hold_has_transfer';
  end if;
  return null;
end $$;
create trigger hold_has_transfer after insert on hold
  referencing new table as touched for each statement execute function ledger_hold_has_transfer();
create trigger hold_settled_by_transfer after update on hold
  referencing new table as touched for each statement execute function ledger_hold_has_transfer();

-- All refunds of a call together give back no more than was captured, nor more of the balance than came from it.
create function ledger_refund_within_capture() returns trigger language plpgsql as $$
declare
  v_within boolean;
begin
  select coalesce(sum(e.amount_nano) filter (where a.kind = 'user_grant'), 0) <= least(h.captured_nano, h.grant_nano)
      and coalesce(sum(e.amount_nano) filter (where a.kind = 'user'), 0) <= h.captured_nano - least(h.captured_nano, h.grant_nano)
      and count(*) filter (where e.amount_nano > 0 and (a.kind not in ('user', 'user_grant') or a.owner_id <> h.owner_id)) = 0
    into v_within
    from hold h join transfer t on t.call_id = h.call_id and t.kind = 'refund'
      join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
    where h.call_id = new.call_id group by h.id;
  if v_within is not true then
    raise exception 'ledger: refund % gives back more than call % paid, or to somebody else', new.id, new.call_id
      using errcode = 'integrity_constraint_violation', constraint = 'refund_within_capture';
  end if;
  return null;
end $$;
create constraint trigger refund_within_capture after insert on transfer deferrable initially deferred
  for each row when (new.kind = 'refund') execute function ledger_refund_within_capture();

-- Ids of accounts, made where they are missing; in the order asked for.
create function ledger_accounts(p_kinds text[], p_owners text[]) returns bigint[] language plpgsql as $$
declare
  v_ids bigint[];
  v_missing int;
begin
  select array_agg(w.id order by w.n), count(*) - count(w.id) into v_ids, v_missing
    from (select u.n, (select a.id from account a where a.owner_id = u.owner and a.kind = u.kind and a.asset = 'OPEN') as id
      from unnest(p_kinds, p_owners) with ordinality as u(kind, owner, n)) w;
  if v_missing > 0 then
    insert into account (owner_id, kind)
      select distinct u.owner, u.kind from unnest(p_kinds, p_owners, v_ids) as u(kind, owner, id) where u.id is null
      order by 1, 2 on conflict do nothing;
    select array_agg(coalesce(u.id, (select a.id from account a where a.owner_id = u.owner and a.kind = u.kind and a.asset = 'OPEN'))
        order by u.n)
      into v_ids from unnest(p_kinds, p_owners, v_ids) with ordinality as u(kind, owner, id, n);
  end if;
  return v_ids;
end $$;

-- Locks balance, grant and hold account of these people in id order; makes the hold accounts that are missing.
create function ledger_lock_people(p_owners text[], p_make boolean) returns void language plpgsql as $$
declare
  v_found int;
begin
  select count(*) filter (where kind = 'hold') into v_found
    from (select kind from account where owner_id = any (p_owners) and kind in ('user', 'user_grant', 'hold') and asset = 'OPEN'
      order by id for no key update) a;
  if p_make and v_found < (select count(distinct o) from unnest(p_owners) o) then
    insert into account (owner_id, kind) select distinct o, 'hold' from unnest(p_owners) o order by 1 on conflict do nothing;
    perform ledger_lock_people(p_owners, false);
  end if;
end $$;

-- THE VERBS. Each takes arrays, one element an intent, and answers one row an intent in any order:
--   ok: posted now · earlier: `result` is that of the first time · idempotency_conflict: the key was used for another request
--   again: decide anew in a call of its own (another intent under way has the key, or took what this one needs)
--   any other code: refused, `result` has the figures; nothing was written for it.
-- A transfer's line 1 is the leg that is never empty.
-- Locks come first, in a statement of their own, so that the next one sees what was committed meanwhile; then the unique
-- index on the key decides between two that came at once. Accounts are locked in id order: postings cannot deadlock.

create function ledger_hold(p_keys text[], p_hashes text[], p_owners text[], p_amounts bigint[], p_calls text[],
  p_holds text[], p_expires timestamptz[])
returns table (i int, code text, result jsonb) language plpgsql as $$
#variable_conflict use_column
begin
  perform ledger_lock_people(p_owners, true);
  return query
  with wanted as materialized (
    select w.i::int as i, w.key, w.hash, w.owner, w.amount, w.call, w.hold, w.expires,
      t.request_hash as earlier_hash, t.result as earlier_result, f.user_id, f.grant_id, f.hold_account_id, f.paid, f.given,
      sum(case when t.id is null then w.amount else 0 end) over (partition by w.owner order by w.i) as upto
    from unnest(p_keys, p_hashes, p_owners, p_amounts, p_calls, p_holds, p_expires) with ordinality
        as w(key, hash, owner, amount, call, hold, expires, i)
      left join lateral (select t.id, t.request_hash, t.result from transfer t where t.idempotency_key = w.key limit 1) t on true
      left join lateral (
        select max(a.id) filter (where a.kind = 'user') as user_id, max(a.id) filter (where a.kind = 'user_grant') as grant_id,
          max(a.id) filter (where a.kind = 'hold') as hold_account_id,
          coalesce(sum(a.balance_nano) filter (where a.kind = 'user'), 0)::bigint as paid,
          coalesce(sum(a.balance_nano) filter (where a.kind = 'user_grant'), 0)::bigint as given
        from account a where a.owner_id = w.owner and a.kind in ('user', 'user_grant', 'hold') and a.asset = 'OPEN') f on true
  ), decided as materialized (
    select w.*, (least(upto, given) - least(upto - amount, given))::bigint as from_grant,
      case when earlier_hash = hash then 'earlier' when earlier_hash is not null then 'idempotency_conflict'
        when upto <= paid + given then 'ok' when upto = amount then 'balance_too_low' else 'again' end as code
    from wanted w
  ), posted as materialized (
    insert into transfer (idempotency_key, request_hash, kind, call_id, result)
      select key, hash, 'hold', call, jsonb_build_object('ok', true, 'holdId', hold, 'amountNano', amount::text,
        'grantNano', from_grant::text, 'balanceNano', (amount - from_grant)::text)
      from decided d where d.code = 'ok' on conflict (idempotency_key) do nothing
      returning id, idempotency_key, result
  ), made as materialized (
    select d.*, p.id as transfer_id, p.result from decided d join posted p on p.idempotency_key = d.key where d.code = 'ok'
  ), lines as (
    insert into entry (transfer_id, line, account_id, amount_nano)
      select m.transfer_id, l.line, l.account_id, l.amount
      from made m cross join lateral (values (1, m.hold_account_id, m.amount), (2, m.grant_id, -m.from_grant),
          (3, m.user_id, m.from_grant - m.amount)) as l(line, account_id, amount)
      where l.amount <> 0
  ), held as (
    insert into hold (id, owner_id, call_id, amount_nano, grant_nano, balance_nano, expires_at, hold_transfer_id)
      select hold, owner, call, amount, from_grant, amount - from_grant, expires, transfer_id from made
  )
  select d.i, case when d.code = 'ok' and m.i is null then 'again' else d.code end,
    case d.code when 'ok' then m.result when 'earlier' then d.earlier_result
      when 'balance_too_low' then jsonb_build_object('neededNano', d.amount::text, 'availableNano', (d.paid + d.given)::text) end
  from decided d left join made m on m.i = d.i;
end $$;

-- Parts of intent n are p_parts[p_firsts[n] .. p_lasts[n]], each the place of its account in p_kinds and p_owners; no part is
-- zero and no account stands twice in one intent.
-- Released money returns in the reverse order of its spending: the price comes out of the grant first.
create function ledger_capture(p_keys text[], p_hashes text[], p_holds text[], p_prices bigint[],
  p_firsts int[], p_lasts int[], p_parts int[], p_part_amounts bigint[], p_kinds text[], p_owners text[])
returns table (i int, code text, result jsonb) language plpgsql as $$
#variable_conflict use_column
declare
  v_owners text[];
  v_accounts bigint[];
begin
  select array_agg(owner_id) into v_owners
    from (select owner_id from hold where id = any (p_holds) order by id for no key update) h;
  perform ledger_lock_people(v_owners, false);
  v_accounts := ledger_accounts(p_kinds, p_owners);
  return query
  with decided as materialized (
    select w.i::int as i, w.key, w.hash, w.price, w.part_first, w.part_last, h.id as hold, h.owner_id, h.call_id, h.state,
      h.amount_nano as held, t.result as earlier_result, f.user_id, f.grant_id, f.hold_account_id,
      (h.grant_nano - least(w.price, h.grant_nano))::bigint as to_grant,
      (h.balance_nano - (w.price - least(w.price, h.grant_nano)))::bigint as to_balance,
      case when t.request_hash = w.hash then 'earlier' when t.id is not null then 'idempotency_conflict'
        when h.id is null then 'hold_not_found' when h.state <> 'open' then 'hold_already_settled'
        when w.price > h.amount_nano then 'price_above_hold'
        when row_number() over (partition by w.hold order by w.i) > 1 then 'again' else 'ok' end as code
    from unnest(p_keys, p_hashes, p_holds, p_prices, p_firsts, p_lasts) with ordinality
        as w(key, hash, hold, price, part_first, part_last, i)
      left join lateral (select * from hold h where h.id = w.hold limit 1) h on true
      left join lateral (select t.id, t.request_hash, t.result from transfer t where t.idempotency_key = w.key limit 1) t on true
      left join lateral (
        select max(a.id) filter (where a.kind = 'user') as user_id, max(a.id) filter (where a.kind = 'user_grant') as grant_id,
          max(a.id) filter (where a.kind = 'hold') as hold_account_id
        from account a where a.owner_id = h.owner_id and a.kind in ('user', 'user_grant', 'hold') and a.asset = 'OPEN') f on true
  ), posted as materialized (
    insert into transfer (idempotency_key, request_hash, kind, call_id, result)
      select key, hash, 'capture', call_id, jsonb_build_object('ok', true, 'holdId', hold, 'priceNano', price::text,
        'releasedGrantNano', to_grant::text, 'releasedBalanceNano', to_balance::text)
      from decided d where d.code = 'ok' on conflict (idempotency_key) do nothing
      returning id, idempotency_key, result
  ), made as materialized (
    select d.*, p.id as transfer_id, p.result from decided d join posted p on p.idempotency_key = d.key where d.code = 'ok'
  ), lines as (
    insert into entry (transfer_id, line, account_id, amount_nano)
      select m.transfer_id, l.line, l.account_id, l.amount
      from made m cross join lateral (
        values (1, m.hold_account_id, -m.held), (2, m.grant_id, m.to_grant), (3, m.user_id, m.to_balance)
        union all
        select 3 + u.line, v_accounts[u.part], u.amount
        from unnest(p_parts[m.part_first:m.part_last], p_part_amounts[m.part_first:m.part_last]) with ordinality
          as u(part, amount, line)) as l(line, account_id, amount)
      where l.amount <> 0
  ), ended as (
    update hold h set state = 'captured', captured_nano = m.price, settled_at = now(), settle_transfer_id = m.transfer_id
      from made m where h.id = m.hold
  )
  select d.i, case when d.code = 'ok' and m.i is null then 'again' else d.code end,
    case d.code when 'ok' then m.result when 'earlier' then d.earlier_result
      when 'hold_already_settled' then jsonb_build_object('state', d.state)
      when 'price_above_hold' then jsonb_build_object('priceNano', d.price::text, 'heldNano', d.held::text) end
  from decided d left join made m on m.i = d.i;
end $$;

-- Void and expiry: everything returns to where it came from.
create function ledger_release(p_keys text[], p_hashes text[], p_kinds text[], p_holds text[], p_reasons text[])
returns table (i int, code text, result jsonb) language plpgsql as $$
#variable_conflict use_column
declare
  v_owners text[];
begin
  select array_agg(owner_id) into v_owners
    from (select owner_id from hold where id = any (p_holds) order by id for no key update) h;
  perform ledger_lock_people(v_owners, false);
  return query
  with decided as materialized (
    select w.i::int as i, w.key, w.hash, w.kind, w.reason, h.id as hold, h.owner_id, h.call_id, h.state, h.amount_nano as held,
      h.grant_nano as to_grant, h.balance_nano as to_balance, t.result as earlier_result,
      case when t.request_hash = w.hash then 'earlier' when t.id is not null then 'idempotency_conflict'
        when h.id is null then 'hold_not_found' when h.state <> 'open' then 'hold_already_settled'
        when row_number() over (partition by w.hold order by w.i) > 1 then 'again' else 'ok' end as code
    from unnest(p_keys, p_hashes, p_kinds, p_holds, p_reasons) with ordinality as w(key, hash, kind, hold, reason, i)
      left join lateral (select * from hold h where h.id = w.hold limit 1) h on true
      left join lateral (select t.id, t.request_hash, t.result from transfer t where t.idempotency_key = w.key limit 1) t on true
  ), posted as materialized (
    insert into transfer (idempotency_key, request_hash, kind, call_id, reason, result)
      select key, hash, kind, call_id, reason, jsonb_build_object('ok', true, 'holdId', hold,
        'releasedGrantNano', to_grant::text, 'releasedBalanceNano', to_balance::text)
      from decided d where d.code = 'ok' on conflict (idempotency_key) do nothing
      returning id, idempotency_key, result
  ), made as materialized (
    select d.*, p.id as transfer_id, p.result from decided d join posted p on p.idempotency_key = d.key where d.code = 'ok'
  ), lines as (
    insert into entry (transfer_id, line, account_id, amount_nano)
      select m.transfer_id, o.line,
        (select a.id from account a where a.owner_id = m.owner_id and a.kind = o.kind and a.asset = 'OPEN'), o.amount
      from made m
        cross join lateral (values (1, 'hold', -m.held), (2, 'user_grant', m.to_grant), (3, 'user', m.to_balance)) as o(line, kind, amount)
      where o.amount <> 0
  ), ended as (
    update hold h set state = case m.kind when 'void' then 'voided' else 'expired' end, reason = m.reason, settled_at = now(),
        settle_transfer_id = m.transfer_id
      from made m where h.id = m.hold
  )
  select d.i, case when d.code = 'ok' and m.i is null then 'again' else d.code end,
    case d.code when 'ok' then m.result when 'earlier' then d.earlier_result
      when 'hold_already_settled' then jsonb_build_object('state', d.state) end
  from decided d left join made m on m.i = d.i;
end $$;

-- Empties call pools into shares, which must sum to the pool exactly (off_pool: they do not, a bug of the caller). Shares as
-- parts in ledger_capture.
create function ledger_split(p_keys text[], p_hashes text[], p_calls text[],
  p_firsts int[], p_lasts int[], p_shares int[], p_share_amounts bigint[], p_kinds text[], p_owners text[])
returns table (i int, code text, result jsonb) language plpgsql as $$
#variable_conflict use_column
declare
  v_accounts bigint[];
begin
  v_accounts := ledger_accounts(p_kinds, p_owners);
  perform 1 from account where owner_id = any (p_calls) and kind = 'call_pool' and asset = 'OPEN' order by id for no key update;
  return query
  with decided as materialized (
    select w.i::int as i, w.key, w.hash, w.call, w.share_first, w.share_last, a.id as pool_id, a.balance_nano as pool,
      t.result as earlier_result,
      case when t.request_hash = w.hash then 'earlier' when t.id is not null then 'idempotency_conflict'
        when coalesce(a.balance_nano, 0) = 0 then 'pool_empty'
        when row_number() over (partition by w.call order by w.i) > 1 then 'again'
        when a.balance_nano <> (select coalesce(sum(x), 0) from unnest(p_share_amounts[w.share_first:w.share_last]) x) then 'off_pool'
        else 'ok' end as code
    from unnest(p_keys, p_hashes, p_calls, p_firsts, p_lasts) with ordinality as w(key, hash, call, share_first, share_last, i)
      left join lateral (select a.id, a.balance_nano from account a
        where a.owner_id = w.call and a.kind = 'call_pool' and a.asset = 'OPEN' limit 1) a on true
      left join lateral (select t.id, t.request_hash, t.result from transfer t where t.idempotency_key = w.key limit 1) t on true
  ), posted as materialized (
    insert into transfer (idempotency_key, request_hash, kind, call_id, result)
      select key, hash, 'split', call, jsonb_build_object('ok', true, 'callId', call, 'poolNano', pool::text)
      from decided d where d.code = 'ok' on conflict (idempotency_key) do nothing
      returning id, idempotency_key, result
  ), made as materialized (
    select d.*, p.id as transfer_id, p.result from decided d join posted p on p.idempotency_key = d.key where d.code = 'ok'
  ), lines as (
    insert into entry (transfer_id, line, account_id, amount_nano)
      select m.transfer_id, l.line, l.account_id, l.amount
      from made m cross join lateral (
        select 1, m.pool_id, -m.pool
        union all
        select 1 + u.line, v_accounts[u.share], u.amount
        from unnest(p_shares[m.share_first:m.share_last], p_share_amounts[m.share_first:m.share_last]) with ordinality
          as u(share, amount, line)) as l(line, account_id, amount)
  )
  select d.i, case when d.code = 'ok' and m.i is null then 'again' else d.code end,
    case d.code when 'ok' then m.result when 'earlier' then d.earlier_result
      when 'off_pool' then jsonb_build_object('poolNano', d.pool::text) end
  from decided d left join made m on m.i = d.i;
end $$;

-- One transfer between two accounts.
create function ledger_transfer(p_key text, p_hash text, p_kind text, p_call text, p_reason text,
  p_from_kind text, p_from_owner text, p_to_kind text, p_to_owner text, p_amount bigint)
returns table (code text, result jsonb) language plpgsql as $$
#variable_conflict use_column
declare
  v_floor boolean := p_from_kind not in ('treasury', 'vault');
  v_from bigint;
  v_to bigint;
  v_available bigint;
  v_id bigint;
  v_result jsonb := jsonb_build_object('ok', true, 'amountNano', p_amount::text);
begin
  insert into account (owner_id, kind)
    select w.owner, w.kind from (values (p_from_owner, p_from_kind), (p_to_owner, p_to_kind)) as w(owner, kind)
    where (w.kind = p_to_kind or not v_floor)
      and (select a.id from account a where a.owner_id = w.owner and a.kind = w.kind and a.asset = 'OPEN') is null
    order by 1, 2 on conflict do nothing;
  if v_floor and ledger_entry_waits(p_from_kind, 1) then
    perform ledger_roll_up();
  end if;
  perform 1 from account where (owner_id, kind) in ((p_from_owner, p_from_kind), (p_to_owner, p_to_kind)) and asset = 'OPEN'
    and not ledger_entry_waits(kind, case when owner_id = p_from_owner and kind = p_from_kind then -1 else 1 end)
    order by id for no key update;
  select case when t.request_hash = p_hash then 'earlier' else 'idempotency_conflict' end,
      case when t.request_hash = p_hash then t.result end
    into code, result from transfer t where t.idempotency_key = p_key;
  if found then
    return next; return;
  end if;
  select id, balance_nano into v_from, v_available from account
    where owner_id = p_from_owner and kind = p_from_kind and asset = 'OPEN';
  if v_floor and coalesce(v_available, 0) < p_amount then
    code := 'balance_too_low';
    result := jsonb_build_object('neededNano', p_amount::text, 'availableNano', coalesce(v_available, 0)::text);
    return next; return;
  end if;
  select id into v_to from account where owner_id = p_to_owner and kind = p_to_kind and asset = 'OPEN';
  insert into transfer (idempotency_key, request_hash, kind, call_id, reason, result)
    values (p_key, p_hash, p_kind, p_call, p_reason, v_result) on conflict (idempotency_key) do nothing returning id into v_id;
  if v_id is null then
    code := 'again';
    return next; return;
  end if;
  insert into entry (transfer_id, line, account_id, amount_nano) values (v_id, 1, v_from, -p_amount), (v_id, 2, v_to, p_amount);
  code := 'ok';
  result := v_result;
  return next;
end $$;

-- One posting of any legs, for the verbs that many never ask for at once (payout, refund, ...); the caller has locked and
-- checked. p_entries: [{"kind": text, "owner": text, "amount": text}]; the same account twice is added up.
drop function ledger_post(text, text, text, text, jsonb, jsonb);
create function ledger_post(p_key text, p_hash text, p_kind text, p_call text, p_result jsonb, p_entries jsonb, p_reason text default null)
returns bigint language plpgsql as $$
declare
  v_id bigint;
begin
  insert into transfer (idempotency_key, request_hash, kind, call_id, result, reason)
    values (p_key, p_hash, p_kind, p_call, p_result, p_reason) on conflict (idempotency_key) do nothing returning id into v_id;
  if v_id is null then -- a verb that takes no lock on its key came between: decided anew by a repetition
    raise exception 'ledger: the key % was used meanwhile', p_key using errcode = 'serialization_failure';
  end if;
  insert into account (kind, owner_id)
    select distinct e.kind, e.owner from jsonb_to_recordset(p_entries) as e(kind text, owner text)
    where (select a.id from account a where a.owner_id = e.owner and a.kind = e.kind and a.asset = 'OPEN') is null
    order by 1, 2 on conflict do nothing;
  insert into entry (transfer_id, line, account_id, amount_nano)
    select v_id, row_number() over (order by s.id), s.id, s.amount
    from (
      select a.id, sum(e.amount)::bigint as amount
      from jsonb_to_recordset(p_entries) as e(kind text, owner text, amount bigint)
      join account a on a.owner_id = e.owner and a.kind = e.kind and a.asset = 'OPEN'
      group by a.id having sum(e.amount) <> 0
    ) s
    order by s.id;
  return v_id;
end $$;

-- Plans that do not depend on what the tables held when they were made: every look-up goes by an index, and a plan is made
-- once in a connection (planning these statements costs more than running them). Triggers run under their verb's settings.
do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid::regprocedure from pg_proc p
      where p.pronamespace = 'public'::regnamespace
        and p.proname in ('ledger_hold', 'ledger_capture', 'ledger_release', 'ledger_split', 'ledger_transfer', 'ledger_roll_up')
  loop
    execute format('alter function %s set plan_cache_mode = force_generic_plan', f);
    execute format('alter function %s set enable_seqscan = off', f);
    execute format('alter function %s set enable_hashjoin = off', f);
    execute format('alter function %s set enable_mergejoin = off', f);
  end loop;
end $$;
