/**
 * Which contribution is whose to judge, where several reviewers must agree. A draw is kept until the contribution is decided
 * or the reviewer has judged it. Whose contributions are nobody's to judge for this reviewer is the caller's to say.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { Contribution } from '../schema.ts';

/** Whoever draws for a reviewer holds this until the transaction ends: asking ten times at once draws one. */
export async function lockDraws(tx: Tx, reviewerId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`draws of ${reviewerId}`}, 0))`.execute(tx);
}

/** What was drawn for the reviewer and still waits for their verdict. @param notOf as in drawReview */
export async function openDraw(
  db: Database,
  { reviewerId, notOf }: { readonly reviewerId: string; readonly notOf: readonly string[] },
): Promise<Contribution | undefined> {
  return db
    .selectFrom('reviewDraw')
    .innerJoin('contribution', 'contribution.id', 'reviewDraw.contributionId')
    .selectAll('contribution')
    .where('reviewDraw.reviewerId', '=', reviewerId)
    .where('contribution.state', '=', 'submitted')
    .where('contribution.personId', 'not in', notOf)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('review')
            .select('review.reviewerId')
            .whereRef('review.contributionId', '=', 'contribution.id')
            .where('review.reviewerId', 'in', notOf),
        ),
      ),
    )
    .orderBy('reviewDraw.drawnAt')
    .limit(1)
    .executeTakeFirst();
}

/**
 * Draws one of the `among` oldest that this reviewer may judge, at random, and keeps the draw.
 * @param notOf whose contributions are left out, and what they have judged: the reviewer under every identity
 */
export async function drawReview(
  tx: Tx,
  {
    reviewerId,
    notOf,
    among,
  }: { readonly reviewerId: string; readonly notOf: readonly string[]; readonly among: number },
): Promise<Contribution | undefined> {
  const same = `{${notOf.join(',')}}`;
  const drawn = await sql<{ id: string }>`
    select o.id from (
      select c.id from contribution c
      where c.state = 'submitted' and not c.person_id = any (${same}::text[])
        and not exists (select 1 from review r where r.contribution_id = c.id and r.reviewer_id = any (${same}::text[]))
      order by c.seq limit ${among}) o
    order by random() limit 1`.execute(tx);
  const id = drawn.rows.at(0)?.id;
  if (id === undefined) return undefined;
  await tx
    .insertInto('reviewDraw')
    .values({ contributionId: id, reviewerId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return tx.selectFrom('contribution').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function isDrawn(
  db: Database,
  of: { readonly contributionId: string; readonly reviewerId: string },
): Promise<boolean> {
  const found = await db
    .selectFrom('reviewDraw')
    .select('contributionId')
    .where('contributionId', '=', of.contributionId)
    .where('reviewerId', '=', of.reviewerId)
    .executeTakeFirst();
  return found !== undefined;
}
