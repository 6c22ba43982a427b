-- Payout and refund as one call each: key, locks, checks and entries in one round trip. See note.md. Answers as of the verbs in
-- 008-ledger; the posting itself is ledger_post.

-- p_amounts: what to take of each source, null = all that is there.
create function ledger_payout(p_key text, p_hash text, p_wallet text, p_kinds text[], p_owners text[], p_amounts bigint[])
returns table (code text, result jsonb) language plpgsql as $$
#variable_conflict use_column
declare
  v_available bigint;
  v_taken bigint;
  v_paid bigint := 0;
  v_legs jsonb := '[]';
begin
  if exists (select 1 from unnest(p_kinds) as k(kind) where ledger_entry_waits(k.kind, 1)) then
    perform ledger_roll_up();
  end if;
  perform 1 from account a where a.asset = 'OPEN'
    and (a.owner_id, a.kind) in (select s.owner, s.kind from unnest(p_owners, p_kinds) as s(owner, kind)) order by a.id for no key update;
  select case when t.request_hash = p_hash then 'earlier' else 'idempotency_conflict' end,
      case when t.request_hash = p_hash then t.result end
    into code, result from transfer t where t.idempotency_key = p_key;
  if found then
    return next; return;
  end if;
  for n in 1 .. cardinality(p_kinds) loop
    v_available := coalesce(
      (select a.balance_nano from account a where a.owner_id = p_owners[n] and a.kind = p_kinds[n] and a.asset = 'OPEN'), 0);
    v_taken := coalesce(p_amounts[n], v_available);
    if v_taken > v_available then
      code := 'balance_too_low';
      result := jsonb_build_object('neededNano', v_taken::text, 'availableNano', v_available::text);
      return next; return;
    end if;
    v_paid := v_paid + v_taken;
    v_legs := v_legs || jsonb_build_object('kind', p_kinds[n], 'owner', p_owners[n], 'amount', (-v_taken)::text);
  end loop;
  if v_paid = 0 then
    code := 'nothing_to_pay_out';
    return next; return;
  end if;
  code := 'ok';
  result := jsonb_build_object('ok', true, 'wallet', p_wallet, 'paidNano', v_paid::text);
  perform ledger_post(p_key, p_hash, 'payout', null, result,
    v_legs || jsonb_build_object('kind', 'claimable', 'owner', p_wallet, 'amount', v_paid::text));
  return next;
end $$;

-- p_amount: null = all that has not been given back. The balance returns first, then the grant; the platform pays what it has, the
-- treasury the rest. Other refunds of the call wait for the hold's lock.
create function ledger_refund(p_key text, p_hash text, p_call text, p_amount bigint, p_reason text)
returns table (code text, result jsonb) language plpgsql as $$
#variable_conflict use_column
declare
  v_hold hold;
  v_from_grant bigint;
  v_grant bigint;
  v_balance bigint;
  v_amount bigint;
  v_to_balance bigint;
  v_from_platform bigint;
begin
  select h.* into v_hold from hold h where h.call_id = p_call and h.state = 'captured' for no key update;
  select case when t.request_hash = p_hash then 'earlier' else 'idempotency_conflict' end,
      case when t.request_hash = p_hash then t.result end
    into code, result from transfer t where t.idempotency_key = p_key;
  if found then
    return next; return;
  end if;
  if v_hold.id is null then
    code := 'call_not_captured';
    return next; return;
  end if;
  v_from_grant := least(v_hold.captured_nano, v_hold.grant_nano);
  select v_from_grant - coalesce(sum(e.amount_nano) filter (where a.kind = 'user_grant'), 0),
      v_hold.captured_nano - v_from_grant - coalesce(sum(e.amount_nano) filter (where a.kind = 'user'), 0)
    into v_grant, v_balance
    from transfer t join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
    where t.call_id = p_call and t.kind = 'refund' and a.kind in ('user', 'user_grant');
  v_amount := coalesce(p_amount, v_grant + v_balance);
  if v_amount > v_grant + v_balance or v_amount = 0 then
    code := 'refund_above_capture';
    result := jsonb_build_object('refundableNano', (v_grant + v_balance)::text);
    return next; return;
  end if;
  perform ledger_roll_up();
  select least(v_amount, a.balance_nano) into v_from_platform
    from account a where a.owner_id = 'platform' and a.kind = 'platform' and a.asset = 'OPEN' for no key update;
  v_from_platform := coalesce(v_from_platform, 0);
  v_to_balance := least(v_amount, v_balance);
  code := 'ok';
  result := jsonb_build_object('ok', true, 'callId', p_call, 'ownerId', v_hold.owner_id, 'refundedNano', v_amount::text,
    'toGrantNano', (v_amount - v_to_balance)::text, 'toBalanceNano', v_to_balance::text,
    'fromPlatformNano', v_from_platform::text, 'fromTreasuryNano', (v_amount - v_from_platform)::text);
  perform ledger_post(p_key, p_hash, 'refund', p_call, result, jsonb_build_array(
    jsonb_build_object('kind', 'platform', 'owner', 'platform', 'amount', (-v_from_platform)::text),
    jsonb_build_object('kind', 'treasury', 'owner', 'treasury', 'amount', (v_from_platform - v_amount)::text),
    jsonb_build_object('kind', 'user', 'owner', v_hold.owner_id, 'amount', v_to_balance::text),
    jsonb_build_object('kind', 'user_grant', 'owner', v_hold.owner_id, 'amount', (v_amount - v_to_balance)::text)), p_reason);
  return next;
end $$;

-- No verb decides outside of the database any more. (ledger_lock_captured stays: who orders a refund looks at the call first.)
drop function ledger_intent(text);
drop function ledger_lock_accounts(text, text[]);

-- As the verbs of 008-ledger and 009-books: plans that do not age, and the owner's rights with a fixed search path.
do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid::regprocedure from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.proname in ('ledger_payout', 'ledger_refund')
  loop
    execute format('alter function %s set plan_cache_mode = force_generic_plan', f);
    execute format('alter function %s set enable_seqscan = off', f);
    execute format('alter function %s set enable_hashjoin = off', f);
    execute format('alter function %s set enable_mergejoin = off', f);
    execute format('alter function %s security definer set search_path = public, pg_temp', f);
  end loop;
end $$;
