/**
 * Ratings of answers: one value per call and person, and every change of mind kept.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { Rating } from '../schema.ts';

/** 1 good, -1 bad, 0 taken back. */
type RatingValue = -1 | 0 | 1;

/** Sets the rating; false when it already was that value (nothing is written). */
export async function rate(
  tx: Tx,
  rating: { readonly callId: string; readonly personId: string; readonly value: RatingValue },
): Promise<boolean> {
  const changed = await tx
    .insertInto('rating')
    .values(rating)
    .onConflict((conflict) =>
      conflict
        .columns(['callId', 'personId'])
        .doUpdateSet({ value: rating.value, updatedAt: sql`now()` })
        .where('rating.value', '<>', rating.value),
    )
    .returning('value')
    .executeTakeFirst();
  if (!changed) return false;
  await tx.insertInto('ratingChange').values(rating).execute();
  return true;
}

export async function getRating(db: Database, callId: string, personId: string): Promise<Rating | undefined> {
  return db
    .selectFrom('rating')
    .selectAll()
    .where('callId', '=', callId)
    .where('personId', '=', personId)
    .executeTakeFirst();
}

/** How many people liked and disliked the answers of a model version. */
export async function ratingsOfModelVersion(
  db: Database,
  modelVersionId: string,
): Promise<{ readonly up: number; readonly down: number }> {
  const { rows } = await sql<{ up: number; down: number }>`
    select count(*) filter (where r.value = 1)::int as up, count(*) filter (where r.value = -1)::int as down
    from rating r join call c on c.id = r.call_id where c.model_version_id = ${modelVersionId}`.execute(db);
  return rows[0];
}

/** A vote that may train the model whose answer it is about. */
export interface TrainingVote {
  readonly callId: string;
  readonly personId: string;
  readonly value: 1 | -1;
  readonly updatedAt: Date;
  readonly conversationId: string | null;
  readonly modelVersionId: string;
  readonly prompt: string;
  readonly answer: string;
}

/**
 * Votes on finished, attributed answers of a model that may train it, oldest first. Left out: votes of people whose
 * consent does not cover it, of the model's maker, of whoever wrote a traced part of that very answer (paid or, as who asked,
 * not), and what was voted or changed after `until` (a run's feedback is cut when the run is queued). Identities with a wallet
 * in common, now or ever, are one person: the first of them.
 */
export async function trainingVotes(
  db: Database,
  of: { readonly modelId: string; readonly consentVersion: string; readonly until: Date },
): Promise<readonly TrainingVote[]> {
  const { rows } = await sql<TrainingVote>`
    with one as (select own.person_id, min(other.person_id) as first_id
      from wallet own join wallet other on other.address = own.address group by own.person_id)
    select r.call_id, coalesce(one.first_id, r.person_id) as person_id, r.value, r.updated_at, c.conversation_id, c.model_version_id, c.prompt, c.answer
    from rating r
    join call c on c.id = r.call_id
    join model m on m.id = c.model_id
    left join one on one.person_id = r.person_id
    left join one maker on maker.person_id = m.creator_id
    where c.model_id = ${of.modelId} and c.state = 'captured' and c.finish_reason = 'stop'
      and c.attributed_at is not null and r.value <> 0 and date_trunc('milliseconds', r.updated_at) <= ${of.until}
      and coalesce(one.first_id, r.person_id) <> coalesce(maker.first_id, m.creator_id)
      and exists (select 1 from consent k where k.person_id = r.person_id and k.datanet_id = m.datanet_id
        and k.text_version = ${of.consentVersion})
      and not exists (select 1 from call_share s where s.call_id = c.id and s.person_id = r.person_id
        and s.kind = 'influence')
      and not exists (select 1 from receipt q,
          jsonb_array_elements(coalesce(q.body -> 'attribution' -> 'measurement' -> 'top', '[]')) as top(share)
          join contribution k on k.id = top.share ->> 'contribution'
        where q.call_id = c.id and k.person_id = r.person_id)
    order by r.updated_at, r.call_id`.execute(db);
  return rows;
}

/** How many answers of a datanet's models this person has voted on. */
export async function votesOfPerson(db: Database, personId: string, datanetId: string): Promise<number> {
  const { rows } = await sql<{ votes: number }>`
    select count(*)::int as votes from rating r join call c on c.id = r.call_id join model m on m.id = c.model_id
    where r.person_id = ${personId} and m.datanet_id = ${datanetId}`.execute(db);
  return rows[0].votes;
}
