// Whether a model would answer at once, and the first sign of interest that makes it so: whoever looks at a model or
// chooses it lets the engine load its adapter, and a gradient store or span index that is still missing be built. Used by
// create-marketplace.ts and open-call.ts. Reads only, never throws: an engine that does not tell in time leaves the
// page without that line.
import { setTimeout as sleep } from 'node:timers/promises';
import { getModelVersion } from '../../db/repositories/model-version-repository.ts';
import type { Model, ModelVersion } from '../../db/schema.ts';
import type { ModelReadiness } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { adapterOf } from './adapter-of.ts';
import { readySpanIndex } from './ready-span-index.ts';
import { readyStore } from './ready-store.ts';

type Market = Pick<MarketplaceContext, 'db' | 'engine' | 'dataDir' | 'demoDir' | 'stopping'>;

/** The engine may be another machine: a page does not wait for it longer than this. */
const tellMsMax = 300;

/** Lets the engine load the model's adapter, and tells where it is now; null = unknown or nothing to load. */
export async function wakeModel(market: Market, model: Model): Promise<ModelReadiness | null> {
  if (model.state !== 'listed' || model.currentVersionId === null) return null;
  const version = await getModelVersion(market.db, model.currentVersionId);
  if (version === undefined) return null;
  wakeVersion(market, version);
  // Whoever needs them tries again and tells.
  readyStore(market, version)
    .then(() => readySpanIndex(market, version))
    .catch(() => undefined);
  const state = market.engine.adapterState(adapterOf(market, version)).catch(() => null);
  return await Promise.race([state, sleep(tellMsMax, null, { ref: false })]);
}

/** Lets the engine load the version's adapter; nobody waits for it. */
export function wakeVersion(market: Pick<Market, 'engine' | 'dataDir'>, version: ModelVersion): void {
  market.engine.prefetchAdapter(adapterOf(market, version));
}
