// Peer review: another person accepts or rejects with a reason. In this version one review decides.
// Used by create-marketplace.ts. Nobody reviews their own (the database refuses it too). The acceptance that fills the
// condition cuts the next version and queues its training in the same transaction.
import { transact } from '../../db/database.ts';
import {
  decideContribution,
  getContribution,
  listContributions,
  nextToReview,
  recordReview,
} from '../../db/repositories/contribution-repository.ts';
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import { getPerson } from '../../db/repositories/person-repository.ts';
import { conversationOf } from '../choose-model.ts';
import { cleanText } from '../clean-text.ts';
import { startTrainingIfDue } from '../factory/start-training.ts';
import type { Marketplace, Person, ReviewItem, ReviewResult } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

const REASON_CHARS_MAX = 300;

/** The oldest contribution this person may review; null when nothing waits for them. */
export async function nextReview(
  { db }: Pick<MarketplaceContext, 'db'>,
  person: Person,
): Promise<ReviewItem | null> {
  const next = await nextToReview(db, { reviewerId: person.id });
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

export async function reviewContribution(
  market: MarketplaceContext,
  input: Parameters<Marketplace['review']>[0],
): Promise<ReviewResult> {
  const { contributionId, verdict, person } = input;
  const reason = cleanText(input.reason ?? '').slice(0, REASON_CHARS_MAX);
  if (verdict === 'reject' && reason === '') return { ok: false, code: 'reason_missing' };
  return await transact(market.db, async (tx) => {
    const recorded = await recordReview(tx, {
      contributionId,
      reviewerId: person.id,
      verdict,
      reason: reason === '' ? null : reason,
    });
    if (!recorded.ok) {
      return { ok: false, code: recorded.code === 'already_reviewed' ? 'already_decided' : recorded.code };
    }
    const cause = `review by ${person.pseudonym}`;
    const decision = { id: contributionId, from: ['submitted'], cause } as const;
    await decideContribution(
      tx,
      verdict === 'accept'
        ? { ...decision, to: 'accepted' }
        : { ...decision, to: 'rejected', rejectReason: reason },
    );
    const contribution = await getContribution(tx, contributionId);
    if (contribution === undefined) return { ok: false, code: 'not_found' };
    const conversation = await conversationOf(tx, input.conversationKey, person);
    const due = await startTrainingIfDue(tx, market, contribution.datanetId, conversation.id);
    return {
      ok: true,
      state: verdict === 'accept' ? 'accepted' : 'rejected',
      newSinceVersion: due.newSinceVersion,
      neededForNextVersion: market.settings.trainAfterAccepted,
      trainingStarted: due.started,
    };
  });
}
