-- See note.md. Kinds of the money path.
alter table account drop constraint account_kind_check;
alter table account add constraint account_kind_check check (kind in ('user', 'user_grant', 'hold', 'call_pool',
  'contributor', 'creator', 'node', 'platform', 'treasury', 'vault', 'dust', 'claimable'));
alter table transfer drop constraint transfer_kind_check;
alter table transfer add constraint transfer_kind_check check (kind in ('hold', 'capture', 'void', 'expire', 'split',
  'grant', 'transfer', 'deposit', 'payout', 'claim', 'refund', 'correction'));
alter table transfer add column reason text check (reason <> '');

drop function ledger_post(text, text, text, text, jsonb, jsonb);
create function ledger_post(p_key text, p_hash text, p_kind text, p_call text, p_result jsonb, p_entries jsonb, p_reason text default null)
returns bigint language plpgsql as $$
declare
  v_id bigint;
begin
  insert into transfer (idempotency_key, request_hash, kind, call_id, result, reason)
    values (p_key, p_hash, p_kind, p_call, p_result, p_reason) returning id into v_id;
  insert into account (kind, owner_id)
    select distinct e.kind, e.owner from jsonb_to_recordset(p_entries) as e(kind text, owner text)
    order by 1, 2
    on conflict do nothing;
  insert into entry (transfer_id, line, account_id, amount_nano, balance_after_nano, account_version)
    select v_id, row_number() over (order by s.id), s.id, s.amount, 0, 0
    from (
      select a.id, sum(e.amount)::bigint as amount
      from jsonb_to_recordset(p_entries) as e(kind text, owner text, amount bigint)
      join account a on a.owner_id = e.owner and a.kind = e.kind and a.asset = 'OPEN'
      group by a.id having sum(e.amount) <> 0
    ) s
    order by s.id;
  return v_id;
end $$;
