/**
 * What the rules of payment ask about people and past answers: which identities are one person's, and which contributions of a
 * version were of use to somebody who paid. Used by marketplace/attribution. Reads only.
 */
import { sql } from 'kysely';
import type { Database } from '../database.ts';

/** The person and all who have, or ever had, a wallet in common with them, or with one of these. */
export async function samePersons(db: Database, personId: string): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ personId: string }>`
    with recursive same (person_id) as (
      select ${personId}::text
      union select other.person_id from same join wallet own on own.person_id = same.person_id
        join wallet other on other.address = own.address)
    select person_id from same`.execute(db);
  return new Set(rows.map((row) => row.personId));
}

/**
 * Answers of a datanet's models since `since` that no grant paid any part of, and of which something was traced: where nothing
 * was (not measured, off the subject), nothing could prove to be of use. The shares of a call begin with the traced ones.
 */
export async function paidAnswers(
  db: Database,
  of: { readonly datanetVersionId: string; readonly since: Date },
): Promise<number> {
  const { rows } = await sql<{ answers: number }>`
    select count(*)::int as answers from datanet_version v join model m on m.datanet_id = v.datanet_id
      join call c on c.model_id = m.id and c.state = 'captured' and c.settled_at >= ${of.since}
      join hold h on h.id = c.hold_id join call_share s on s.call_id = c.id and s.rank = 1 and s.kind <> 'fallback'
    where v.id = ${of.datanetVersionId} and h.grant_nano = 0 and h.captured_nano > 0`.execute(db);
  return rows[0].answers;
}

/**
 * Contributions of a version with a traced share of at least `sharePpmMin` in `usesMin` answers since `since` that somebody else
 * than who wrote them paid for, no grant any part: a gift's last nanos would make a bought use cost next to nothing.
 */
export async function usedContributions(
  db: Database,
  of: {
    readonly datanetVersionId: string;
    readonly since: Date;
    readonly sharePpmMin: number;
    readonly usesMin: number;
  },
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`
    select v.contribution_id as id from datanet_version_contribution v join contribution k on k.id = v.contribution_id
    where v.datanet_version_id = ${of.datanetVersionId} and k.state = 'accepted' and (select count(*) from (
      select 1 from call_share s join call c on c.id = s.call_id join hold h on h.id = c.hold_id
      where s.contribution_id = v.contribution_id and s.kind <> 'fallback' and s.at >= ${of.since}
        and s.share_ppm >= ${of.sharePpmMin} and h.grant_nano = 0 and h.captured_nano > 0 and c.person_id <> k.person_id
        and not exists (select 1 from wallet own join wallet other on other.address = own.address
          where own.person_id = k.person_id and other.person_id = c.person_id)
      limit ${of.usesMin}) u) = ${of.usesMin}`.execute(db);
  return new Set(rows.map((row) => row.id));
}

/** Whether nobody but these people has a contribution that stands in the version: its data part is then theirs. */
export async function isVersionOf(
  db: Database,
  of: { readonly modelVersionId: string; readonly personIds: ReadonlySet<string> },
): Promise<boolean> {
  const { rows } = await sql<{ others: boolean }>`
    select exists (select 1 from model_version m
      join datanet_version_contribution v on v.datanet_version_id = m.datanet_version_id
      join contribution k on k.id = v.contribution_id and k.state = 'accepted'
      where m.id = ${of.modelVersionId} and not k.person_id = any (${`{${[...of.personIds].join(',')}}`}::text[])) as others`.execute(
    db,
  );
  return !rows[0].others;
}
