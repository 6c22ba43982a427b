// What the rules of payment know about one call beyond the engine's figures: who asked under which identities, what was of use
// to people who paid, and what is a near copy. Read for each call by attribute-call.ts. Reads only; payable-shares.ts decides.
import { getModel } from '../../db/repositories/model-repository.ts';
import { samePersons } from '../../db/repositories/payable-share-repository.ts';
import type { Call, ModelVersion } from '../../db/schema.ts';
import { storeDirOf } from '../listings/adapter-of.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { PayableFacts } from './payable-shares.ts';
import { recentUse } from './recent-use.ts';
import { storeCopies } from './store-copies.ts';

/** @param contributions how many stand in the version */
export async function gamingFacts(
  market: Pick<MarketplaceContext, 'db' | 'clock' | 'dataDir'>,
  { id, personId, modelId }: Pick<Call, 'id' | 'personId' | 'modelId'>,
  version: ModelVersion,
  contributions: number,
): Promise<Omit<PayableFacts, 'shares' | 'accepted'>> {
  const model = await getModel(market.db, modelId);
  if (model === undefined) throw new Error(`the model of call ${id} does not exist`);
  return {
    askers: await samePersons(market.db, personId),
    ...(await recentUse(market, version.datanetVersionId, contributions)),
    copies: storeCopies(storeDirOf(market, version)),
    creatorId: model.creatorId,
  };
}
