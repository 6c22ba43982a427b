// The end of a training run: the candidate becomes the version that answers and pays, or is kept as rejected. Publishing
// is one transaction: version, listing, run, datanet and the news of it change together, after the attribution store is
// complete, so that no call is ever answered by a version that cannot say who made it. Used by train-version.ts.
import { join } from 'node:path';
import { type Tx, transact } from '../../db/database.ts';
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import {
  createModelVersion,
  publishModelVersion,
  rejectModelVersion,
} from '../../db/repositories/model-version-repository.ts';
import { transitionTrainingRun } from '../../db/repositories/training-run-repository.ts';
import type { JsonObject, ModelVersion } from '../../db/schema.ts';
import { queueAudit } from '../attribution/audits/queue-audit.ts';
import { readySpanIndex } from '../listings/ready-span-index.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { waitForDatabase } from '../wait-for-database.ts';
import type { Judged } from './evaluate-candidate.ts';
import { decoysOf } from './held-out.ts';
import { leaveTraining } from './leave-training.ts';
import type { FinishedTraining, PhaseRecord } from './phase-record.ts';
import { newsOfRun } from './run-news.ts';
import { exampleOf, type RunPlan } from './run-plan.ts';
import { startTrainingIfDue } from './start-training.ts';
import type { Candidate } from './train-phases.ts';
import { writeModelCard } from './write-model-card.ts';

export async function endRun(market: MarketplaceContext, candidate: Candidate): Promise<void> {
  const { plan, trained, judged, phases } = candidate;
  await writeModelCard(market, candidate);
  const storeHashes = judged.publish ? await buildStore(market, plan) : {};
  if (judged.publish) await buildSpanIndex(market, plan);
  await waitForDatabase(market, () =>
    transact(market.db, async (tx) => {
      const { run, model, datanet } = plan;
      const state = judged.publish ? 'published' : 'rejected';
      const cause = judged.reason;
      const ended = await transitionTrainingRun(tx, { id: run.id, from: ['evaluating'], to: state, cause });
      if (!ended.ok) return; // an earlier try got through and its answer was lost, or it was cancelled just now
      const version = await saveVersion(tx, plan, trained, judged, phases, storeHashes);
      await tx
        .updateTable('trainingRun')
        .set({ modelVersionId: version.id })
        .where('id', '=', run.id)
        .execute();
      await leaveTraining(tx, datanet.id, model.id, cause);
      if (judged.publish) await queueAudit(tx, market, version.id);
      await newsOfRun(tx, run.id, {
        kind: judged.publish ? 'version_published' : 'version_rejected',
        datanetTitle: (await getDatanet(tx, datanet.id))?.title ?? datanet.title,
        text: `${model.title} version ${version.number}: ${judged.reason}`,
      });
      await startTrainingIfDue(tx, market, datanet.id);
    }),
  );
}

/** Halves that the store's damping is chosen by. Kept with the version: a store built anew must come out the same. */
const dampingRetrainings = 3;

/** Gradients of every contribution at the new adapter; a store that a killed try left half-built is written anew. */
async function buildStore(market: MarketplaceContext, plan: RunPlan): Promise<JsonObject> {
  const storeDir = join('stores', plan.run.id);
  const decoys = await decoysOf(market.demoDir, plan.datanet.slug);
  const { storeHash } = await market.engine.buildStore({
    adapter: plan.adapter,
    storeDir: join(market.dataDir, storeDir),
    examples: plan.contributions.map(exampleOf),
    decoys,
    dampingRetrainings,
  });
  return { storeDir, storeHash, decoys: decoys.length, dampingRetrainings };
}

/** Evidence for 🔍: without it the version is published all the same, and the first look tries again. */
async function buildSpanIndex(market: MarketplaceContext, { run }: RunPlan): Promise<void> {
  await readySpanIndex(market, run).catch((fault: unknown) => {
    market.log.warn({ err: fault, runId: run.id }, 'the span index could not be built');
  });
}

async function saveVersion(
  tx: Tx,
  plan: RunPlan,
  trained: FinishedTraining,
  judged: Judged,
  phases: readonly PhaseRecord[],
  storeHashes: JsonObject,
): Promise<ModelVersion> {
  const inherited = plan.current?.recipe.historyMessagesMax;
  const version = await createModelVersion(tx, {
    modelId: plan.model.id,
    datanetVersionId: plan.run.datanetVersionId,
    adapterDir: plan.adapterDir,
    recipe: {
      ...trained.recipe,
      finalLoss: trained.finalLoss,
      trainedTokens: trained.trainedTokens,
      phases: phases.map(({ method, outcome, reason, data }) => ({ method, outcome, reason, data })),
      ...(inherited === undefined ? {} : { historyMessagesMax: inherited }),
    },
    evaluation: { ...judged.evaluation },
    storeHashes,
  });
  const result = judged.publish
    ? await publishModelVersion(tx, { id: version.id, cause: judged.reason })
    : await rejectModelVersion(tx, { id: version.id, reason: judged.reason });
  if (!result.ok) throw new Error(`version ${version.id} could not be decided: ${result.code}`);
  return version;
}
