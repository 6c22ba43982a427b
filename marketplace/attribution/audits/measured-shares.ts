// The gate before the money: shares pay only where the version's audit measured the very method that computed them and found
// it good enough; else the data part is split equally, and the receipt says why. Used by attribute-call.ts alone.
// Nothing is computed for a version that has not passed: an answer costs no attribution that could not be paid by.
import { transact } from '../../../db/database.ts';
import type { ModelVersion } from '../../../db/schema.ts';
import type { SampleShares } from '../../../engine/engine.ts';
import type { MarketplaceContext } from '../../marketplace-context.ts';
import { auditStanding, whyEqualSplit } from './audit-standing.ts';
import { queueAudit } from './queue-audit.ts';

/**
 * @param compute the shares
 * @param equally what stands for no shares, with the reason
 */
export async function measuredShares<Shares extends Pick<SampleShares, 'methodId'>>(
  market: Pick<MarketplaceContext, 'db' | 'settings'>,
  version: Pick<ModelVersion, 'id'>,
  compute: () => Promise<Shares>,
  equally: (why: string) => Shares,
): Promise<Shares> {
  const standing = await auditStanding(market, version.id);
  const unaudited = whyEqualSplit(standing);
  if (unaudited !== null) return equally(unaudited);
  const shares = await compute();
  const otherMethod = whyEqualSplit(standing, shares.methodId);
  if (otherMethod === null) return shares;
  // The program computes otherwise than when it was audited: measured anew in the background.
  await transact(market.db, (tx) => queueAudit(tx, market, version.id));
  return equally(otherMethod);
}
