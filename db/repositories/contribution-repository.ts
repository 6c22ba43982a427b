/**
 * Contributions to a datanet and their reviews. The same content stands once in a datanet while it is submitted or accepted;
 * nobody reviews their own (both also kept by the database). When reviews decide, and why, is the marketplace's business.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import type { Contribution, ContributionState, Review, ReviewVerdict } from '../schema.ts';
import { recordLifecycle, type TransitionResult, transition } from './lifecycle.ts';

interface NewContribution {
  readonly datanetId: string;
  readonly personId: string;
  readonly question: string;
  readonly answer: string;
  /** Of the normalised content; equal means duplicate. */
  readonly contentHash: string;
}

type SubmitResult =
  | { readonly ok: true; readonly contribution: Contribution }
  | { readonly ok: false; readonly code: 'duplicate'; readonly contributionId: string };

export async function submitContribution(tx: Tx, contribution: NewContribution): Promise<SubmitResult> {
  const row = await tx
    .insertInto('contribution')
    .values({ ...contribution, id: newId('contrib') })
    .onConflict((conflict) =>
      conflict
        .columns(['datanetId', 'contentHash'])
        .where(sql<boolean>`state in ('submitted', 'accepted')`)
        .doNothing(),
    )
    .returningAll()
    .executeTakeFirst();
  if (row) {
    await recordLifecycle(tx, {
      subject: 'contribution',
      id: row.id,
      from: null,
      to: row.state,
      cause: 'submitted',
    });
    return { ok: true, contribution: row };
  }
  const { id } = await tx
    .selectFrom('contribution')
    .select('id')
    .where('datanetId', '=', contribution.datanetId)
    .where('contentHash', '=', contribution.contentHash)
    .where('state', 'in', ['submitted', 'accepted'])
    .executeTakeFirstOrThrow();
  return { ok: false, code: 'duplicate', contributionId: id };
}

/** Accepts, rejects (with a reason for the contributor) or retracts. */
export async function decideContribution(
  tx: Tx,
  decision: {
    readonly id: string;
    readonly from: readonly ContributionState[];
    readonly cause: string;
  } & (
    | { readonly to: 'accepted' | 'retracted' }
    | { readonly to: 'rejected'; readonly rejectReason: string }
  ),
): Promise<TransitionResult> {
  if (decision.to === 'rejected') {
    // first: the database refuses the state without its reason
    await tx
      .updateTable('contribution')
      .set({ rejectReason: decision.rejectReason })
      .where('id', '=', decision.id)
      .where('state', 'in', decision.from)
      .execute();
  }
  const result = await transition(tx, 'contribution', decision);
  if (result.ok)
    await tx
      .updateTable('contribution')
      .set({ decidedAt: sql`now()` })
      .where('id', '=', decision.id)
      .execute();
  return result;
}

export async function getContribution(db: Database, id: string): Promise<Contribution | undefined> {
  return db.selectFrom('contribution').selectAll().where('id', '=', id).executeTakeFirst();
}

/** In order of submission. `afterSeq` pages on from the last one seen. */
export async function listContributions(
  db: Database,
  filter: {
    readonly datanetId?: string;
    readonly personId?: string;
    readonly state?: ContributionState;
    readonly afterSeq?: number;
    readonly limit?: number;
  },
): Promise<readonly Contribution[]> {
  let query = db.selectFrom('contribution').selectAll().orderBy('seq');
  if (filter.datanetId !== undefined) query = query.where('datanetId', '=', filter.datanetId);
  if (filter.personId !== undefined) query = query.where('personId', '=', filter.personId);
  if (filter.state !== undefined) query = query.where('state', '=', filter.state);
  if (filter.afterSeq !== undefined) query = query.where('seq', '>', filter.afterSeq);
  if (filter.limit !== undefined) query = query.limit(filter.limit);
  return query.execute();
}

/** The oldest submitted contribution that this person may still review: not their own, not reviewed by them. */
export async function nextToReview(
  db: Database,
  { datanetId, reviewerId }: { readonly datanetId?: string; readonly reviewerId: string },
): Promise<Contribution | undefined> {
  let query = db
    .selectFrom('contribution')
    .selectAll()
    .where('state', '=', 'submitted')
    .where('personId', '<>', reviewerId)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('review')
            .select('review.reviewerId')
            .whereRef('review.contributionId', '=', 'contribution.id')
            .where('review.reviewerId', '=', reviewerId),
        ),
      ),
    )
    .orderBy('seq');
  if (datanetId !== undefined) query = query.where('datanetId', '=', datanetId);
  return query.limit(1).executeTakeFirst();
}

type ReviewResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'not_found' }
  | { readonly ok: false; readonly code: 'own_contribution' }
  | { readonly ok: false; readonly code: 'already_decided'; readonly state: ContributionState }
  | { readonly ok: false; readonly code: 'already_reviewed' };

/** Records one person's verdict; the contribution stays locked until the transaction ends, so deciding next is safe. */
export async function recordReview(
  tx: Tx,
  review: {
    readonly contributionId: string;
    readonly reviewerId: string;
    readonly verdict: ReviewVerdict;
    /** Required for `reject`. */
    readonly reason: string | null;
  },
): Promise<ReviewResult> {
  const contribution = await tx
    .selectFrom('contribution')
    .select(['personId', 'state'])
    .where('id', '=', review.contributionId)
    .forUpdate()
    .executeTakeFirst();
  if (!contribution) return { ok: false, code: 'not_found' };
  if (contribution.personId === review.reviewerId) return { ok: false, code: 'own_contribution' };
  if (contribution.state !== 'submitted')
    return { ok: false, code: 'already_decided', state: contribution.state };
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('review')
    .values(review)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n ? { ok: true } : { ok: false, code: 'already_reviewed' };
}

export async function reviewsOf(db: Database, contributionId: string): Promise<readonly Review[]> {
  return db
    .selectFrom('review')
    .selectAll()
    .where('contributionId', '=', contributionId)
    .orderBy('createdAt')
    .execute();
}
