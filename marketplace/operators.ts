// Who runs this marketplace: the operators named in the settings as `platform:userId`. Used by whatever only they may do.
import type { MarketplaceContext } from './marketplace-context.ts';

export async function isOperator(
  { db, settings }: Pick<MarketplaceContext, 'db' | 'settings'>,
  personId: string,
): Promise<boolean> {
  if (settings.operators.length === 0) return false;
  const identities = await db
    .selectFrom('identity')
    .select(['platform', 'platformUserId'])
    .where('personId', '=', personId)
    .execute();
  return identities.some(({ platform, platformUserId }) =>
    settings.operators.includes(`${platform}:${platformUserId}`),
  );
}
