// What people's feedback gives a training run: pairs (an accepted correction beside the answer it corrects) and thumbs,
// each with the whole prompt of its call, and whether they are enough for a phase. Used by factory/train-phases.ts.
// Reads only; the same run reads the same feedback again after a restart, but for what was taken back meanwhile.
import { trainingCorrections } from '../../db/repositories/correction-repository.ts';
import { getModelVersion } from '../../db/repositories/model-version-repository.ts';
import { trainingVotes } from '../../db/repositories/rating-repository.ts';
import type { TrainingRun } from '../../db/schema.ts';
import type { ChatMessage, PreferencePair, RatedAnswer } from '../../engine/engine.ts';
import { CONSENT_VERSION } from '../datanets/consent-text.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { MarketplaceSettings } from '../marketplace-settings.ts';
import { historyMessagesMax, messagesOfCall } from '../prompt-messages.ts';
import { agreedCorrections, agreedVotes } from './preferences.ts';

export interface Preferences {
  readonly pairs: readonly PreferencePair[];
  readonly ratings: readonly RatedAnswer[];
  /** How many people gave the pairs, and the ratings. */
  readonly pairPeople: number;
  readonly ratingPeople: number;
}

export async function readPreferences(
  market: Pick<MarketplaceContext, 'db' | 'settings'>,
  run: Pick<TrainingRun, 'modelId' | 'datanetVersionId' | 'createdAt'>,
): Promise<Preferences> {
  const { db, settings } = market;
  const { modelId, datanetVersionId, createdAt: until } = run;
  const of = { modelId, datanetVersionId, consentVersion: CONSENT_VERSION, until };
  const corrections = agreedCorrections(await trainingCorrections(db, of), settings.feedbackPerDayMax);
  const votes = agreedVotes(await trainingVotes(db, of), settings.feedbackPerDayMax);
  const pairs: PreferencePair[] = [];
  for (const row of corrections) {
    const messages = await messagesAsAsked(market, row);
    pairs.push({ id: idOf(row), messages, chosen: row.corrected, rejected: row.answer });
  }
  const ratings: RatedAnswer[] = [];
  for (const row of votes) {
    const messages = await messagesAsAsked(market, row);
    ratings.push({ id: idOf(row), messages, answer: row.answer, good: row.value > 0 });
  }
  return { pairs, ratings, pairPeople: peopleIn(corrections), ratingPeople: peopleIn(votes) };
}

interface AboutCall {
  readonly callId: string;
  readonly personId: string;
  readonly conversationId: string | null;
  readonly modelVersionId: string;
  readonly prompt: string;
}

const idOf = ({ callId, personId }: AboutCall): string => `${callId}:${personId}`;
const peopleIn = (rows: readonly AboutCall[]): number => new Set(rows.map((row) => row.personId)).size;

/** With the earlier turns that the version which answered was shown. */
async function messagesAsAsked(
  { db, settings }: Pick<MarketplaceContext, 'db' | 'settings'>,
  { callId, conversationId, prompt, modelVersionId }: AboutCall,
): Promise<readonly ChatMessage[]> {
  const version = await getModelVersion(db, modelVersionId);
  const messagesMax = version === undefined ? 0 : historyMessagesMax(version, settings);
  return await messagesOfCall(db, { id: callId, conversationId, prompt }, messagesMax);
}

/** Why there are too few pairs for a DPO phase; null when there are enough. */
export function pairsMissing({ pairs }: Preferences, { pairsMin }: MarketplaceSettings): string | null {
  if (pairs.length >= pairsMin) return null;
  return `${pairs.length} of ${pairsMin} accepted corrections`;
}

/** Why there are too few votes for a KTO phase; null when there are enough. */
export function votesMissing(
  { ratings }: Preferences,
  { votesMin, votesEachMin }: MarketplaceSettings,
): string | null {
  const good = ratings.filter((rating) => rating.good).length;
  const fewer = Math.min(good, ratings.length - good);
  if (ratings.length < votesMin) return `${ratings.length} of ${votesMin} votes`;
  if (fewer < votesEachMin) return `${fewer} of ${votesEachMin} votes of the rarer sign`;
  return null;
}
