// Everything about a training run that its phases need, read once when the run is taken up. Used by train-version.ts,
// train-phases.ts, evaluate-candidate.ts and end-run.ts. Reads only.
import { join } from 'node:path';
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import { contributionsOfVersion } from '../../db/repositories/datanet-version-repository.ts';
import { getModel } from '../../db/repositories/model-repository.ts';
import { getModelVersion } from '../../db/repositories/model-version-repository.ts';
import type { Contribution, Datanet, Model, ModelVersion, TrainingRun } from '../../db/schema.ts';
import type { AdapterRef, Example, TrainMethod } from '../../engine/engine.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

export interface RunPlan {
  readonly run: TrainingRun;
  readonly model: Model;
  readonly datanet: Datanet;
  /** The version that answers now. */
  readonly current: ModelVersion | undefined;
  /** Accepted contributions of the datanet version; those retracted since are left out. */
  readonly contributions: readonly Contribution[];
  /** Of them, those the current version has not seen. */
  readonly fresh: readonly Contribution[];
  /** Relative to the data folder. */
  readonly adapterDir: string;
  readonly adapter: AdapterRef;
}

export async function planOf(market: MarketplaceContext, run: TrainingRun): Promise<RunPlan> {
  const { db, dataDir } = market;
  const model = await getModel(db, run.modelId);
  const datanet = model === undefined ? undefined : await getDatanet(db, model.datanetId);
  if (model === undefined || datanet === undefined) throw new Error(`run ${run.id} has no model or datanet`);
  const current =
    model.currentVersionId === null ? undefined : await getModelVersion(db, model.currentVersionId);
  const all = await contributionsOfVersion(db, run.datanetVersionId);
  const contributions = all.filter((contribution) => contribution.state === 'accepted');
  const before = current === undefined ? [] : await contributionsOfVersion(db, current.datanetVersionId);
  const seen = new Set(before.map((contribution) => contribution.id));
  return {
    run,
    model,
    datanet,
    current,
    contributions,
    fresh: contributions.filter((contribution) => !seen.has(contribution.id)),
    ...phaseFolder(dataDir, run, 'sft'),
  };
}

/** Where a phase's adapter is made; a phase that is interrupted finds its checkpoint there. */
export function phaseFolder(
  dataDir: string,
  { id: runId }: Pick<TrainingRun, 'id'>,
  method: TrainMethod,
): Pick<RunPlan, 'adapterDir' | 'adapter'> {
  const id = method === 'sft' ? runId : `${runId}-${method}`;
  const adapterDir = join('adapters', id);
  return { adapterDir, adapter: { id, dir: join(dataDir, adapterDir) } };
}

export function exampleOf({ id, question, answer }: Contribution): Example {
  return { id, question, answer };
}
