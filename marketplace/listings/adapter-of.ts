// Where a model version's adapter and gradient store lie: the database keeps paths relative to the data folder, the
// engine wants absolute ones. Used wherever the engine is asked for something about a version.
import { resolve } from 'node:path';
import type { ModelVersion } from '../../db/schema.ts';
import type { AdapterRef } from '../../engine/engine.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

export function adapterOf(
  { dataDir }: Pick<MarketplaceContext, 'dataDir'>,
  version: ModelVersion,
): AdapterRef {
  return { id: version.id, dir: resolve(dataDir, version.adapterDir) };
}

/** The gradient store's folder, or null for a version that has none (every share is then the fallback's). */
export function storeDirOf(
  { dataDir }: Pick<MarketplaceContext, 'dataDir'>,
  version: ModelVersion,
): string | null {
  const { storeDir } = version.storeHashes;
  return typeof storeDir === 'string' ? resolve(dataDir, storeDir) : null;
}
