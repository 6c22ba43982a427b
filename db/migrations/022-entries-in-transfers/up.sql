-- A transfer carries its entries: two arrays in its own row in place of a row, and two index entries, for each line. What is
-- checked is the same, and `entry` stays as a view. See note.md.
alter table transfer add column account_ids bigint[], add column amounts_nano bigint[];
alter table transfer disable trigger transfer_immutable;
update transfer t set (account_ids, amounts_nano) = (
  select coalesce(array_agg(e.account_id order by e.line), '{}'), coalesce(array_agg(e.amount_nano order by e.line), '{}')
  from entry e where e.transfer_id = t.id);
alter table transfer enable trigger transfer_immutable;
alter table transfer alter column account_ids set not null, alter column amounts_nano set not null,
  add constraint transfer_entries check (cardinality(account_ids) = cardinality(amounts_nano)
    and array_position(account_ids, null) is null and array_position(amounts_nano, null) is null
    and array_position(amounts_nano, 0) is null);

alter table entry rename to entry_before;
-- Entries as rows, read only; `line` counts from 1 in a transfer.
create view entry as
  select t.id as transfer_id, l.line::integer as line, l.account_id, l.amount_nano
  from transfer t cross join lateral unnest(t.account_ids, t.amounts_nano) with ordinality as l(account_id, amount_nano, line);
create trigger entry_immutable instead of insert or update or delete on entry for each row execute function ledger_immutable();

create or replace view account_now as
  select a.id, a.asset, a.kind, a.owner_id,
    (a.balance_nano + case when ledger_entry_waits(a.kind, 1) then coalesce((
      select sum(l.amount_nano) from entry_pending p join transfer t on t.id = p.transfer_id
        cross join lateral unnest(t.account_ids, t.amounts_nano) as l(account_id, amount_nano)
      where a.id = any (t.account_ids) -- no index serves this: what waits is little, an account's history may be long
        and l.account_id = a.id and ledger_entry_waits(a.kind, l.amount_nano)), 0) else 0 end)::bigint as balance_nano
  from account a;
-- Entries had no foreign key: one of no transfer would be tampering, which must be seen and not lost here.
do $$ begin
  if (select count(*) from entry_before) <> (select coalesce(sum(cardinality(account_ids)), 0) from transfer) then
    raise exception 'ledger: there are entries of no transfer, see npm run books of the version before';
  end if;
end $$;
drop table entry_before;
-- New rows go to a list first; whoever fills it, or autovacuum, sorts it in.
create index transfer_accounts on transfer using gin (account_ids) with (gin_pending_list_limit = 2048);
-- What the chain knows of too: few among the calls, and asked for by their kind.
create index transfer_of_chain on transfer (kind) where kind in ('deposit', 'payout', 'claim', 'correction');

-- On accounts of the transfer's asset; what does not wait is added to the balances.
create or replace function ledger_entry_applies() returns trigger language plpgsql as $$
declare
  v_lost bigint;
  v_waits boolean;
begin
  with moved as materialized (
    select f.account_id, f.out_nano, f.in_nano, f.outs, f.ins, k.kind, ledger_entry_waits(k.kind, 1) as is_hot
    from (
      select l.account_id, f.asset, coalesce(sum(l.amount_nano) filter (where l.amount_nano < 0), 0) as out_nano,
        coalesce(sum(l.amount_nano) filter (where l.amount_nano > 0), 0) as in_nano,
        count(*) filter (where l.amount_nano < 0) as outs, count(*) filter (where l.amount_nano > 0) as ins
      from fresh f cross join lateral unnest(f.account_ids, f.amounts_nano) as l(account_id, amount_nano)
      group by l.account_id, f.asset) f
      left join account k on k.id = f.account_id and k.asset = f.asset
  ), applied as (
    update account a set balance_nano = a.balance_nano + m.out_nano + case when is_hot then 0 else m.in_nano end,
        version = a.version + m.outs + case when is_hot then 0 else m.ins end
      from moved m where a.id = m.account_id and (not is_hot or (m.outs > 0 and m.kind <> 'treasury'))
  )
  select count(*) filter (where kind is null), bool_or(is_hot and (ins > 0 or kind = 'treasury')) into v_lost, v_waits from moved;
  if v_lost > 0 then
    raise exception 'ledger: an entry has no account of the asset of its transfer'
      using errcode = 'integrity_constraint_violation', constraint = 'entry_applies';
  end if;
  if v_waits then
    insert into entry_pending select id from fresh;
  end if;
  return null;
end $$;
create trigger entry_applies after insert on transfer
  referencing new table as fresh for each statement execute function ledger_entry_applies();

create or replace function ledger_pending_rolls_up() returns trigger language plpgsql as $$
begin
  update account a set balance_nano = a.balance_nano + m.amount, version = a.version + m.lines
    from (
      select s.account_id, case when k.kind = 'treasury' then s.total else s.come_in end as amount,
        case when k.kind = 'treasury' then s.lines else s.ins end as lines
      from (
        select l.account_id, sum(l.amount_nano) as total, count(*) as lines,
          coalesce(sum(l.amount_nano) filter (where l.amount_nano > 0), 0) as come_in, count(*) filter (where l.amount_nano > 0) as ins
        from gone g
          cross join lateral (select t.account_ids, t.amounts_nano from transfer t where t.id = g.transfer_id offset 0) t
          cross join lateral unnest(t.account_ids, t.amounts_nano) as l(account_id, amount_nano)
        group by l.account_id) s
        cross join lateral (select k.kind from account k where k.id = s.account_id limit 1) k
      where ledger_entry_waits(k.kind, 1)) m
    where a.id = m.account_id and m.lines > 0;
  return null;
end $$;

create or replace function transfer_sums_to_zero() returns trigger language plpgsql as $$
begin
  if (select sum(l) from unnest(new.amounts_nano) as l) <> 0 then
    raise exception 'ledger: transfer % is off balance by % nano %', new.id, (select sum(l) from unnest(new.amounts_nano) as l), new.asset
      using errcode = 'integrity_constraint_violation', constraint = 'transfer_sums_to_zero';
  end if;
  return null;
end $$;

-- The verbs of 008-ledger, which write each transfer with its entries. A transfer's line 1 is the leg that is never empty.
create or replace function ledger_hold(p_keys text[], p_hashes text[], p_owners text[], p_amounts bigint[], p_calls text[],
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
    insert into transfer (idempotency_key, request_hash, kind, call_id, account_ids, amounts_nano, result)
      select key, hash, 'hold', call,
        case when amount = 0 then '{}' else array[hold_account_id] || case when from_grant > 0 then array[grant_id] end
          || case when from_grant < amount then array[user_id] end end,
        case when amount = 0 then '{}' else array[amount] || case when from_grant > 0 then array[-from_grant] end
          || case when from_grant < amount then array[from_grant - amount] end end,
        jsonb_build_object('ok', true, 'holdId', hold, 'amountNano', amount::text,
        'grantNano', from_grant::text, 'balanceNano', (amount - from_grant)::text)
      from decided d where d.code = 'ok' on conflict (idempotency_key) do nothing
      returning id, idempotency_key, result
  ), made as materialized (
    select d.*, p.id as transfer_id, p.result from decided d join posted p on p.idempotency_key = d.key where d.code = 'ok'
  ), held as (
    insert into hold (id, owner_id, call_id, amount_nano, grant_nano, balance_nano, expires_at, hold_transfer_id)
      select hold, owner, call, amount, from_grant, amount - from_grant, expires, transfer_id from made
  )
  select d.i, case when d.code = 'ok' and m.i is null then 'again' else d.code end,
    case d.code when 'ok' then m.result when 'earlier' then d.earlier_result
      when 'balance_too_low' then jsonb_build_object('neededNano', d.amount::text, 'availableNano', (d.paid + d.given)::text) end
  from decided d left join made m on m.i = d.i;
end $$;

create or replace function ledger_capture(p_keys text[], p_hashes text[], p_holds text[], p_prices bigint[],
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
  v_accounts := (select array_agg(v_accounts[u.part] order by u.n) from unnest(p_parts) with ordinality as u(part, n));
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
    insert into transfer (idempotency_key, request_hash, kind, call_id, account_ids, amounts_nano, result)
      select key, hash, 'capture', call_id,
        case when held = 0 then '{}' else array[hold_account_id] || case when to_grant > 0 then array[grant_id] end
          || case when to_balance > 0 then array[user_id] end || v_accounts[part_first:part_last] end,
        case when held = 0 then '{}' else array[-held] || case when to_grant > 0 then array[to_grant] end
          || case when to_balance > 0 then array[to_balance] end || p_part_amounts[part_first:part_last] end,
        jsonb_build_object('ok', true, 'holdId', hold, 'priceNano', price::text,
        'releasedGrantNano', to_grant::text, 'releasedBalanceNano', to_balance::text)
      from decided d where d.code = 'ok' on conflict (idempotency_key) do nothing
      returning id, idempotency_key, result
  ), made as materialized (
    select d.*, p.id as transfer_id, p.result from decided d join posted p on p.idempotency_key = d.key where d.code = 'ok'
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

create or replace function ledger_release(p_keys text[], p_hashes text[], p_kinds text[], p_holds text[], p_reasons text[])
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
      h.grant_nano as to_grant, h.balance_nano as to_balance, t.result as earlier_result, f.user_id, f.grant_id, f.hold_account_id,
      case when t.request_hash = w.hash then 'earlier' when t.id is not null then 'idempotency_conflict'
        when h.id is null then 'hold_not_found' when h.state <> 'open' then 'hold_already_settled'
        when row_number() over (partition by w.hold order by w.i) > 1 then 'again' else 'ok' end as code
    from unnest(p_keys, p_hashes, p_kinds, p_holds, p_reasons) with ordinality as w(key, hash, kind, hold, reason, i)
      left join lateral (select * from hold h where h.id = w.hold limit 1) h on true
      left join lateral (select t.id, t.request_hash, t.result from transfer t where t.idempotency_key = w.key limit 1) t on true
      left join lateral (
        select max(a.id) filter (where a.kind = 'user') as user_id, max(a.id) filter (where a.kind = 'user_grant') as grant_id,
          max(a.id) filter (where a.kind = 'hold') as hold_account_id
        from account a where a.owner_id = h.owner_id and a.kind in ('user', 'user_grant', 'hold') and a.asset = 'OPEN') f on true
  ), posted as materialized (
    insert into transfer (idempotency_key, request_hash, kind, call_id, reason, account_ids, amounts_nano, result)
      select key, hash, kind, call_id, reason,
        case when held = 0 then '{}' else array[hold_account_id] || case when to_grant > 0 then array[grant_id] end
          || case when to_balance > 0 then array[user_id] end end,
        case when held = 0 then '{}' else array[-held] || case when to_grant > 0 then array[to_grant] end
          || case when to_balance > 0 then array[to_balance] end end,
        jsonb_build_object('ok', true, 'holdId', hold,
        'releasedGrantNano', to_grant::text, 'releasedBalanceNano', to_balance::text)
      from decided d where d.code = 'ok' on conflict (idempotency_key) do nothing
      returning id, idempotency_key, result
  ), made as materialized (
    select d.*, p.id as transfer_id, p.result from decided d join posted p on p.idempotency_key = d.key where d.code = 'ok'
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

create or replace function ledger_split(p_keys text[], p_hashes text[], p_calls text[],
  p_firsts int[], p_lasts int[], p_shares int[], p_share_amounts bigint[], p_kinds text[], p_owners text[])
returns table (i int, code text, result jsonb) language plpgsql as $$
#variable_conflict use_column
declare
  v_accounts bigint[];
begin
  v_accounts := ledger_accounts(p_kinds, p_owners);
  v_accounts := (select array_agg(v_accounts[u.share] order by u.n) from unnest(p_shares) with ordinality as u(share, n));
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
    insert into transfer (idempotency_key, request_hash, kind, call_id, account_ids, amounts_nano, result)
      select key, hash, 'split', call, array[pool_id] || v_accounts[share_first:share_last],
        array[-pool] || p_share_amounts[share_first:share_last], jsonb_build_object('ok', true, 'callId', call, 'poolNano', pool::text)
      from decided d where d.code = 'ok' on conflict (idempotency_key) do nothing
      returning id, idempotency_key, result
  ), made as materialized (
    select d.*, p.id as transfer_id, p.result from decided d join posted p on p.idempotency_key = d.key where d.code = 'ok'
  )
  select d.i, case when d.code = 'ok' and m.i is null then 'again' else d.code end,
    case d.code when 'ok' then m.result when 'earlier' then d.earlier_result
      when 'off_pool' then jsonb_build_object('poolNano', d.pool::text) end
  from decided d left join made m on m.i = d.i;
end $$;

create or replace function ledger_transfer(p_key text, p_hash text, p_kind text, p_call text, p_reason text,
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
  insert into transfer (idempotency_key, request_hash, kind, call_id, reason, account_ids, amounts_nano, result)
    values (p_key, p_hash, p_kind, p_call, p_reason, array[v_from, v_to], array[-p_amount, p_amount], v_result)
    on conflict (idempotency_key) do nothing returning id into v_id;
  if v_id is null then
    code := 'again';
    return next; return;
  end if;
  code := 'ok';
  result := v_result;
  return next;
end $$;

create or replace function ledger_post(p_key text, p_hash text, p_kind text, p_call text, p_result jsonb, p_entries jsonb, p_reason text default null)
returns bigint language plpgsql as $$
declare
  v_id bigint;
  v_accounts bigint[];
  v_amounts bigint[];
begin
  insert into account (kind, owner_id)
    select distinct e.kind, e.owner from jsonb_to_recordset(p_entries) as e(kind text, owner text)
    where (select a.id from account a where a.owner_id = e.owner and a.kind = e.kind and a.asset = 'OPEN') is null
    order by 1, 2 on conflict do nothing;
  select coalesce(array_agg(s.id order by s.id), '{}'), coalesce(array_agg(s.amount order by s.id), '{}') into v_accounts, v_amounts
    from (
      select a.id, sum(e.amount)::bigint as amount
      from jsonb_to_recordset(p_entries) as e(kind text, owner text, amount bigint)
      join account a on a.owner_id = e.owner and a.kind = e.kind and a.asset = 'OPEN'
      group by a.id having sum(e.amount) <> 0
    ) s;
  insert into transfer (idempotency_key, request_hash, kind, call_id, account_ids, amounts_nano, result, reason)
    values (p_key, p_hash, p_kind, p_call, v_accounts, v_amounts, p_result, p_reason)
    on conflict (idempotency_key) do nothing returning id into v_id;
  if v_id is null then -- a verb that takes no lock on its key came between: decided anew by a repetition
    raise exception 'ledger: the key % was used meanwhile', p_key using errcode = 'serialization_failure';
  end if;
  return v_id;
end $$;

-- As before (008-ledger, 009-books): plans that do not age, and the owner's rights with a fixed search path.
do $$
declare
  f regprocedure;
  is_verb boolean;
begin
  for f, is_verb in
    select p.oid::regprocedure, p.proname not in ('ledger_post', 'ledger_entry_applies', 'ledger_pending_rolls_up', 'transfer_sums_to_zero')
      from pg_proc p
      where p.pronamespace = 'public'::regnamespace
        and p.proname in ('ledger_hold', 'ledger_capture', 'ledger_release', 'ledger_split', 'ledger_transfer', 'ledger_post',
          'ledger_entry_applies', 'ledger_pending_rolls_up', 'transfer_sums_to_zero')
  loop
    execute format('alter function %s security definer set search_path = public, pg_temp', f);
    if is_verb then
      execute format('alter function %s set plan_cache_mode = force_generic_plan', f);
      execute format('alter function %s set enable_seqscan = off', f);
      execute format('alter function %s set enable_hashjoin = off', f);
      execute format('alter function %s set enable_mergejoin = off', f);
    end if;
  end loop;
end $$;
