// Peer review: other people accept or reject with a reason, and the first verdict that enough of them share decides.
// Used by create-marketplace.ts. Nobody reviews their own (the database refuses it too), also not under another identity, nobody
// counts twice, and where several must agree nobody picks what to judge: it is drawn. The acceptance that fills the condition cuts the next
// version and queues its training in the same transaction.
import { type Tx, transact } from '../../db/database.ts';
import {
  decideContribution,
  getContribution,
  listContributions,
  nextToReview,
  recordReview,
  reviewsOf,
} from '../../db/repositories/contribution-repository.ts';
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import { samePersons } from '../../db/repositories/payable-share-repository.ts';
import { getPerson, getPersons } from '../../db/repositories/person-repository.ts';
import { drawReview, isDrawn, lockDraws, openDraw } from '../../db/repositories/review-draw-repository.ts';
import type { Contribution, Review } from '../../db/schema.ts';
import { conversationOf } from '../choose-model.ts';
import { cleanText } from '../clean-text.ts';
import { startTrainingIfDue } from '../factory/start-training.ts';
import type { Marketplace, Person } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { ReviewItem, ReviewResult } from './intake-views.ts';
import { panelVerdict } from './panel-verdict.ts';

const REASON_CHARS_MAX = 300;

/** The contribution this person may review next: the oldest, or one that is drawn; null when nothing waits for them. */
export async function nextReview(
  market: Pick<MarketplaceContext, 'db' | 'settings'>,
  person: Person,
): Promise<ReviewItem | null> {
  const { db } = market;
  const next = await nextFor(market, person.id);
  if (next === undefined) return null;
  const [datanet, contributor, submitted] = await Promise.all([
    getDatanet(db, next.datanetId),
    getPerson(db, next.personId),
    listContributions(db, { state: 'submitted' }),
  ]);
  return {
    contributionId: next.id,
    datanetTitle: datanet?.title ?? '',
    pseudonym: contributor?.pseudonym ?? '',
    question: next.question,
    answer: next.answer,
    waiting: submitted.filter((contribution) => contribution.personId !== person.id).length,
  };
}

/** Draws are among so many: old ones do not wait for ever, and who picks identities by their draws needs many. */
const DRAWN_AMONG = 50;

async function nextFor(
  { db, settings }: Pick<MarketplaceContext, 'db' | 'settings'>,
  reviewerId: string,
): Promise<Contribution | undefined> {
  if (settings.reviewsToAgree === 1) return await nextToReview(db, { reviewerId });
  const notOf = [...(await samePersons(db, reviewerId))];
  return await transact(db, async (tx) => {
    await lockDraws(tx, reviewerId);
    const open = await openDraw(tx, { reviewerId, notOf });
    return open ?? (await drawReview(tx, { reviewerId, notOf, among: DRAWN_AMONG }));
  });
}

export async function reviewContribution(
  market: MarketplaceContext,
  input: Parameters<Marketplace['review']>[0],
): Promise<ReviewResult> {
  const { contributionId, verdict, person } = input;
  const reason = cleanText(input.reason ?? '').slice(0, REASON_CHARS_MAX);
  if (verdict === 'reject' && reason === '') return { ok: false, code: 'reason_missing' };
  const { reviewsToAgree } = market.settings;
  return await transact(market.db, async (tx) => {
    const refusal = await refusalOf(tx, { contributionId, reviewerId: person.id }, reviewsToAgree);
    if (refusal !== null) return { ok: false, code: refusal };
    const recorded = await recordReview(tx, {
      contributionId,
      reviewerId: person.id,
      verdict,
      reason: reason === '' ? null : reason,
    });
    if (!recorded.ok) {
      return { ok: false, code: recorded.code === 'already_reviewed' ? 'already_decided' : recorded.code };
    }
    const reviews = await reviewsOf(tx, contributionId);
    const panel = panelVerdict(await onceEach(tx, reviews), reviewsToAgree);
    if (panel.decided !== null) {
      const cause = `review by ${await namesOf(tx, reviews)}`;
      const decision = { id: contributionId, from: ['submitted'], cause } as const;
      await decideContribution(
        tx,
        panel.decided === 'accepted'
          ? { ...decision, to: 'accepted' }
          : { ...decision, to: 'rejected', rejectReason: panel.reason.slice(0, REASON_CHARS_MAX) },
      );
    }
    const contribution = await getContribution(tx, contributionId);
    if (contribution === undefined) return { ok: false, code: 'not_found' };
    const conversation = await conversationOf(tx, input.conversationKey, person);
    const due = await startTrainingIfDue(tx, market, contribution.datanetId, conversation.id);
    return {
      ok: true,
      state: panel.decided ?? 'waiting',
      missing: panel.decided === null ? panel.missing : 0,
      newSinceVersion: due.newSinceVersion,
      neededForNextVersion: market.settings.trainAfterAccepted,
      trainingStarted: due.started,
    };
  });
}

/** Why this contribution is not this reviewer's to judge; null where it is. */
async function refusalOf(
  tx: Tx,
  judged: { readonly contributionId: string; readonly reviewerId: string },
  reviewsToAgree: number,
): Promise<'own_contribution' | 'not_drawn' | null> {
  const contribution = await getContribution(tx, judged.contributionId);
  if (contribution === undefined) return null; // recordReview says so
  if ((await samePersons(tx, judged.reviewerId)).has(contribution.personId)) return 'own_contribution';
  return reviewsToAgree === 1 || (await isDrawn(tx, judged)) ? null : 'not_drawn';
}

/** The first verdict of each person: identities that are known to be one judge once. */
async function onceEach(tx: Tx, reviews: readonly Review[]): Promise<readonly Review[]> {
  const heard = new Set<string>();
  const counted: Review[] = [];
  for (const review of reviews) {
    if (!heard.has(review.reviewerId)) counted.push(review);
    for (const id of await samePersons(tx, review.reviewerId)) heard.add(id);
  }
  return counted;
}

async function namesOf(tx: Tx, reviews: readonly Review[]): Promise<string> {
  const persons = await getPersons(
    tx,
    reviews.map(({ reviewerId }) => reviewerId),
  );
  return persons.map(({ pseudonym }) => pseudonym).join(', ');
}
