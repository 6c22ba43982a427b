// The published leaf file of an epoch, made again where it is missing. Used by claim-verbs.ts for the public pages.
import { access } from 'node:fs/promises';
import type { LeafKind } from '../../contracts/merkle/flat-tree.ts';
import { getEpoch } from '../../db/repositories/epoch-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { buildFiles } from './build-epoch.ts';
import { leafFilePath } from './epoch-files.ts';

/** Its path; null when there is no such epoch, or it is not built yet. */
export async function readLeafFile(
  market: MarketplaceContext,
  number: number,
  kind: LeafKind,
): Promise<string | null> {
  const epoch = await getEpoch(market.db, number);
  if (epoch === undefined || epoch.state === 'cut') return null;
  const path = leafFilePath(market.dataDir, number, kind);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) await buildFiles(market, epoch);
  return path;
}
