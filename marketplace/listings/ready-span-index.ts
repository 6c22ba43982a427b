// The span index of a datanet version: which words stand in which contributions, for showing evidence behind 🔍. Built when a
// version is published; a demo's when somebody first looks at its model. Used by end-run.ts, model-readiness.ts and
// attribution/span-evidence.ts. A folder that exists is complete (the engine puts it in place whole).
// Never in the way: an answer is shown and paid without it.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { contributionsOfVersion } from '../../db/repositories/datanet-version-repository.ts';
import type { ModelVersion } from '../../db/schema.ts';
import type { Engine } from '../../engine/engine.ts';
import { exampleOf } from '../factory/run-plan.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

type Market = Pick<MarketplaceContext, 'db' | 'engine' | 'dataDir'>;

/** Indexes being built in this process, by folder: whoever asks meanwhile waits for the same building. */
const buildings = new WeakMap<Engine, Map<string, Promise<string>>>();

/** The index's folder, built first where it is missing. @throws what the engine throws */
export async function readySpanIndex(
  market: Market,
  { datanetVersionId }: Pick<ModelVersion, 'datanetVersionId'>,
): Promise<string> {
  const indexDir = resolve(market.dataDir, 'spans', datanetVersionId);
  if (existsSync(indexDir)) return indexDir;
  const known = buildings.get(market.engine) ?? new Map<string, Promise<string>>();
  buildings.set(market.engine, known);
  const building = known.get(indexDir) ?? buildIndex(market, datanetVersionId, indexDir);
  known.set(indexDir, building);
  try {
    return await building;
  } finally {
    known.delete(indexDir);
  }
}

/** Of what is accepted now; what is retracted later is hidden at each look. */
async function buildIndex(
  { db, engine }: Market,
  datanetVersionId: string,
  indexDir: string,
): Promise<string> {
  const contributions = await contributionsOfVersion(db, datanetVersionId);
  const accepted = contributions.filter(({ state }) => state === 'accepted');
  await engine.buildSpanIndex({ indexDir, examples: accepted.map(exampleOf) });
  return indexDir;
}
