// What the rules of payment know about one call beyond the engine's figures: who asked under which identities, and what was of
// use to people who paid. Read for each call by attribute-call.ts. Reads only; payable-shares.ts decides.
import { getModel } from '../../db/repositories/model-repository.ts';
import {
  paidAnswers,
  samePersons,
  usedContributions,
} from '../../db/repositories/payable-share-repository.ts';
import type { Call, ModelVersion } from '../../db/schema.ts';
import { storeDirOf } from '../listings/adapter-of.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type PayableFacts, usesNeeded } from './payable-shares.ts';
import { storeCopies } from './store-copies.ts';

const LATELY_MS = 90 * 86_400_000;
/** An answer was made of what has so much of its data part: 5 %, well above what passes the noise floor by chance. */
const USED_PPM_MIN = 50_000;
/** Answers a contribution after which more of them change no weight by more than a thousandth. */
const ANSWERS_EACH_MAX = 40;

/** @param contributions how many stand in the version */
export async function gamingFacts(
  market: Pick<MarketplaceContext, 'db' | 'clock' | 'dataDir'>,
  { id, personId, modelId }: Pick<Call, 'id' | 'personId' | 'modelId'>,
  version: ModelVersion,
  contributions: number,
): Promise<Omit<PayableFacts, 'shares' | 'accepted'>> {
  const { db, clock } = market;
  const { datanetVersionId } = version;
  const model = await getModel(db, modelId);
  if (model === undefined) throw new Error(`the model of call ${id} does not exist`);
  const since = new Date(clock().getTime() - LATELY_MS);
  const most = ANSWERS_EACH_MAX * contributions;
  const answers = await paidAnswers(db, { datanetVersionId, since, most });
  const usesMin = usesNeeded(answers, contributions);
  return {
    askers: await samePersons(db, personId),
    used: await usedContributions(db, { datanetVersionId, since, sharePpmMin: USED_PPM_MIN, usesMin }),
    paidAnswers: answers,
    copies: storeCopies(storeDirOf(market, version)),
    creatorId: model.creatorId,
  };
}
