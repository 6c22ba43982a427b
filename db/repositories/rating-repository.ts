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
