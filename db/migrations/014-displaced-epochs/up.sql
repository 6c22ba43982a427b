-- An epoch that was never posted because a foreign posting took its number can end too. See note.md.
create or replace function epoch_moves_forward() returns trigger language plpgsql as $$
begin
  if new.state <> old.state and not (old.state, new.state) in (
    ('cut', 'built'), ('built', 'signed'), ('built', 'final'), ('signed', 'sent'), ('signed', 'final'),
    ('sent', 'final'), ('final', 'vetoed'),
    ('built', 'vetoed'), ('signed', 'vetoed'), ('sent', 'vetoed')) then
    raise exception 'epoch % cannot go from % to %', new.number, old.state, new.state
      using errcode = 'check_violation', constraint = 'epoch_moves_forward';
  end if;
  if (new.number, new.base_number, new.claims_number, new.receipt_count, new.claim_count, new.claims_total_nano,
      new.waiting_nano, new.receipts_from, new.cut_at)
    is distinct from (old.number, old.base_number, old.claims_number, old.receipt_count, old.claim_count,
      old.claims_total_nano, old.waiting_nano, old.receipts_from, old.cut_at)
    or (old.state <> 'cut' and (new.receipts_root, new.claims_root, new.leaf_file_hash)
      is distinct from (old.receipts_root, old.claims_root, old.leaf_file_hash)) then
    raise exception 'epoch % cannot change what it holds', old.number
      using errcode = 'integrity_constraint_violation', constraint = 'epoch_moves_forward';
  end if;
  return new;
end $$;
