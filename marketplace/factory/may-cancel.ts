// Who may cancel a training: the owner of its datanet, and the operators named in the settings. Used by
// cancel-training.ts and read-trainings.ts.
import type { Database } from '../../db/database.ts';
import type { Datanet } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

export async function mayCancel(
  market: Pick<MarketplaceContext, 'db' | 'settings'>,
  datanet: Pick<Datanet, 'ownerId'>,
  personId: string,
): Promise<boolean> {
  return datanet.ownerId === personId || (await isOperator(market.db, market.settings.operators, personId));
}

async function isOperator(db: Database, operators: readonly string[], personId: string): Promise<boolean> {
  if (operators.length === 0) return false;
  const identities = await db
    .selectFrom('identity')
    .select(['platform', 'platformUserId'])
    .where('personId', '=', personId)
    .execute();
  return identities.some(({ platform, platformUserId }) =>
    operators.includes(`${platform}:${platformUserId}`),
  );
}
