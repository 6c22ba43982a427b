// Takes one contribution: consent, automatic checks, exact duplicates; then it waits for another person's review. Used
// by create-marketplace.ts, and by feedback/correct-answer.ts for a contribution that corrects an answer. Every refusal
// says what was found; nothing that is refused is stored. Order: the datanet, the consent, the checks, near duplicates, the
// duplicate (the database keeps that rule a second time).
import { transact } from '../../db/database.ts';
import { findConsent, holdConsent } from '../../db/repositories/consent-repository.ts';
import { getContribution, submitContribution } from '../../db/repositories/contribution-repository.ts';
import { recordCorrection } from '../../db/repositories/correction-repository.ts';
import { datanetProgress, getDatanetBySlug } from '../../db/repositories/datanet-repository.ts';
import { conversationOf } from '../choose-model.ts';
import { cleanText } from '../clean-text.ts';
import type { Marketplace } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { CONSENT_VERSION, consentText } from './consent-text.ts';
import { controlCharacter, failedCheck } from './contribution-checks.ts';
import { duplicateHash } from './contribution-hash.ts';
import { intakeRefusal } from './intake-limits.ts';
import type { ContributeResult } from './intake-views.ts';
import { similarContribution } from './similar-contribution.ts';

export async function contribute(
  market: MarketplaceContext,
  input: Parameters<Marketplace['contribute']>[0],
  /** The call whose answer this corrects. */
  corrects?: string,
): Promise<ContributeResult> {
  const { db, settings } = market;
  const datanet = await getDatanetBySlug(db, input.datanetSlug);
  if (datanet === undefined || datanet.state === 'retired') return { ok: false, code: 'unknown_datanet' };
  const personId = input.person.id;
  const agreement = { personId, datanetId: datanet.id, textVersion: CONSENT_VERSION };
  const { slug: datanetSlug, licence, title } = datanet;
  const consentMissing: ContributeResult = {
    ...{ ok: false, code: 'consent_missing', datanetSlug, licence },
    consentText: consentText(title, licence),
  };
  if ((await findConsent(db, agreement)) === undefined) return consentMissing;
  // Checked as typed (a hidden character is a reason to refuse), stored clean.
  const content = { question: tidy(input.question), answer: tidy(input.answer) };
  const failure = failedCheck(content, {
    questionCharsMin: settings.contributionQuestionCharsMin,
    questionCharsMax: settings.contributionQuestionCharsMax,
    answerCharsMax: settings.contributionAnswerCharsMax,
  });
  if (failure !== null) return { ok: false, code: 'rejected_by_check', ...failure };
  const contentHash = duplicateHash(content);
  // A correction may differ from what it corrects by one letter.
  const similar =
    corrects === undefined
      ? await similarContribution(db, { datanetId: datanet.id, contentHash }, content)
      : null;
  if (similar?.kind === 'copy') return { ok: false, code: 'rejected_by_check', ...similar.failure };
  const submitted = await transact(db, async (tx) => {
    // Once more, and held: it may have been withdrawn in this very moment.
    if ((await holdConsent(tx, agreement)) === undefined) return undefined;
    const limit = await intakeRefusal(tx, settings, { datanetId: datanet.id, personId, contentHash });
    if (limit !== null) return { ok: false, code: 'rejected_by_check', ...limit } as const;
    // Made so that this place can be told when the contribution is trained.
    await conversationOf(tx, input.conversationKey, input.person);
    const result = await submitContribution(tx, { datanetId: datanet.id, personId, contentHash, ...content });
    if (corrects !== undefined) {
      const contributionId = result.ok ? result.contribution.id : result.contributionId;
      await recordCorrection(tx, { callId: corrects, personId, contributionId });
    }
    return result;
  });
  if (submitted === undefined) return consentMissing;
  if (!submitted.ok) {
    if (submitted.code === 'rejected_by_check') return submitted;
    const existing = await getContribution(db, submitted.contributionId);
    return { ok: false, code: 'duplicate', existing: existing?.question ?? '' };
  }
  const { submitted: waitingReview } = await datanetProgress(db, datanet.id);
  const sameFactAs = similar?.question;
  return {
    ...{ ok: true, contributionId: submitted.contribution.id, waitingReview },
    ...(sameFactAs === undefined ? {} : { sameFactAs }),
  };
}

/** Removes what cleaning may remove silently, and leaves in what the check must name. */
function tidy(text: string): string {
  return controlCharacter(text) === null ? cleanText(text) : text;
}
