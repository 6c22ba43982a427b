-- The guards of 008-ledger at less cost: what is checked is the same. See note.md.
create or replace function ledger_entry_applies() returns trigger language plpgsql
security definer set search_path = public, pg_temp as $$
declare
  v_off bigint;
  v_asset_least text;
  v_asset_most text;
  v_lost bigint;
  v_waits boolean;
begin
  select min(f.transfer_id) filter (where t.xact is distinct from pg_current_xact_id() or f.firsts <> 1), min(t.asset), max(t.asset)
    into v_off, v_asset_least, v_asset_most
    from (select transfer_id, count(*) filter (where line = 1) as firsts from fresh group by transfer_id) f
      left join transfer t on t.id = f.transfer_id;
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
      left join account k on k.id = f.account_id
  ), applied as (
    update account a set balance_nano = a.balance_nano + m.out_nano + case when is_hot then 0 else m.in_nano end,
        version = a.version + m.outs + case when is_hot then 0 else m.ins end
      from moved m where a.id = m.account_id and (not is_hot or (m.outs > 0 and m.kind <> 'treasury'))
  )
  select count(*) filter (where asset is distinct from v_asset_least or asset is distinct from v_asset_most),
      bool_or(is_hot and (ins > 0 or kind = 'treasury'))
    into v_lost, v_waits from moved;
  if v_lost > 0 then
    raise exception 'ledger: an entry has no account of the asset of its transfer'
      using errcode = 'integrity_constraint_violation', constraint = 'entry_applies';
  end if;
  if v_waits then
    insert into entry_pending select transfer_id from fresh where line = 1;
  end if;
  return null;
end $$;

drop trigger hold_has_transfer on hold;
drop trigger hold_settled_by_transfer on hold;
drop function ledger_hold_has_transfer();
-- The end of a hold that is written is a transfer of this transaction, of the hold's call and of the fitting kind.
create function ledger_hold_has_transfer() returns trigger language plpgsql
security definer set search_path = public, pg_temp as $$
begin
  perform 1 from transfer t where t.id = coalesce(new.settle_transfer_id, new.hold_transfer_id)
    and t.xact = pg_current_xact_id() and t.call_id = new.call_id
    and t.kind = case new.state when 'open' then 'hold' when 'captured' then 'capture' when 'voided' then 'void' else 'expire' end;
  if not found then
    raise exception 'ledger: hold % has no transfer of its own', new.id
      using errcode = 'integrity_constraint_violation', constraint = 'hold_has_transfer';
  end if;
  return null;
end $$;
create trigger hold_has_transfer after insert on hold for each row execute function ledger_hold_has_transfer();
create trigger hold_settled_by_transfer after update on hold for each row when (new.state <> 'open')
  execute function ledger_hold_has_transfer();
