// The gradient store of a model version, which attribution reads. A demo model is listed before its store is built, so that
// the first start stays quick: the first look at the model begins the building, and its first attribution waits for it.
// Used by attribute-call.ts and model-readiness.ts. A folder that exists is complete (the engine puts it in place whole);
// one of an earlier format is built anew.
import { existsSync } from 'node:fs';
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import {
  contributionsOfVersion,
  getDatanetVersion,
} from '../../db/repositories/datanet-version-repository.ts';
import type { ModelVersion } from '../../db/schema.ts';
import { isOutdatedStore } from '../../engine/attribution/gradient-store.ts';
import type { Engine } from '../../engine/engine.ts';
import { decoysOf } from '../factory/held-out.ts';
import { exampleOf } from '../factory/run-plan.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { adapterOf, storeDirOf } from './adapter-of.ts';

type Market = Pick<MarketplaceContext, 'db' | 'engine' | 'dataDir' | 'demoDir' | 'stopping'>;

/** Stores being built in this process, by folder: whoever asks meanwhile waits for the same building. */
const buildings = new WeakMap<Engine, Map<string, Promise<void>>>();

/**
 * The version's store, built first where it is missing; null for a version that has none.
 * @throws what the engine throws, and the reason of `stopping`: the next start builds it
 */
export async function readyStore(market: Market, version: ModelVersion): Promise<string | null> {
  const storeDir = storeDirOf(market, version);
  if (storeDir === null || (existsSync(storeDir) && !isOutdatedStore(storeDir))) return storeDir;
  const known = buildings.get(market.engine) ?? new Map<string, Promise<void>>();
  buildings.set(market.engine, known);
  const building = known.get(storeDir) ?? buildStore(market, version, storeDir);
  known.set(storeDir, building);
  try {
    await Promise.race([building, whenStopped(market.stopping)]);
  } finally {
    known.delete(storeDir);
  }
  return storeDir;
}

async function buildStore(market: Market, version: ModelVersion, storeDir: string): Promise<void> {
  const { db, engine, demoDir } = market;
  const cut = await getDatanetVersion(db, version.datanetVersionId);
  const datanet = cut === undefined ? undefined : await getDatanet(db, cut.datanetId);
  if (datanet === undefined) throw new Error(`bug: model version ${version.id} has no datanet`);
  const contributions = await contributionsOfVersion(db, version.datanetVersionId);
  const { dampingRetrainings } = version.storeHashes; // as at publication: receipts tell the store's hash
  await engine.buildStore({
    adapter: adapterOf(market, version),
    storeDir,
    examples: contributions.map(exampleOf),
    decoys: await decoysOf(demoDir, datanet.slug),
    ...(typeof dampingRetrainings === 'number' ? { dampingRetrainings } : {}),
  });
}

async function whenStopped(signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
