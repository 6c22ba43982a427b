-- A fallback share may be any part of the fallback, no longer one of equal parts. See note.md.
alter table call_share drop constraint call_share_dust_micronano_check;
alter table call_share add constraint call_share_dust_micronano_check check (dust_micronano between -2000000 and 2000000);
-- Which contributions paid answers were made of (payable-share-repository.ts).
drop index call_share_contribution;
create index call_share_contribution on call_share (contribution_id, at) include (share_ppm, kind, call_id);
