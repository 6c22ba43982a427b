// A datanet as people see it: how far it is, who contributed and earned, its versions, and the training under way.
// Used by create-marketplace.ts. Reads only.
import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';
import { type Nano, ZERO_NANO } from '../../db/ledger/amount.ts';
import { datanetContributors, datanetProgress } from '../../db/repositories/datanet-repository.ts';
import { listDatanetVersions } from '../../db/repositories/datanet-version-repository.ts';
import { modelsOfDatanet } from '../../db/repositories/model-repository.ts';
import { listModelVersions } from '../../db/repositories/model-version-repository.ts';
import { listTrainingRuns } from '../../db/repositories/training-run-repository.ts';
import type { Datanet, ModelVersion, TrainingRun } from '../../db/schema.ts';
import { progressOf } from '../factory/training-progress.ts';
import { evaluationOf } from '../listings/model-summary.ts';
import type { DatanetProgress } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

const CONTRIBUTORS_SHOWN = 20;

export async function readDatanet(
  { db, settings }: Pick<MarketplaceContext, 'db' | 'settings'>,
  datanet: Datanet,
): Promise<DatanetProgress> {
  const counts = await datanetProgress(db, datanet.id);
  const contributors = await datanetContributors(db, datanet.id, CONTRIBUTORS_SHOWN);
  const earned = await earnedIn(db, datanet.id);
  const versions = await listDatanetVersions(db, datanet.id);
  const [model] = await modelsOfDatanet(db, datanet.id);
  const modelVersions = model === undefined ? [] : await listModelVersions(db, model.id);
  const runs = model === undefined ? [] : await listTrainingRuns(db, { modelId: model.id });
  const active = runs.find((run) => ['queued', 'running', 'evaluating'].includes(run.state));
  return {
    id: datanet.id,
    slug: datanet.slug,
    title: datanet.title,
    description: datanet.description,
    licence: datanet.licence,
    state: datanet.state,
    accepted: counts.accepted,
    waitingReview: counts.submitted,
    newSinceVersion: counts.acceptedSinceVersion,
    neededForNextVersion: settings.trainAfterAccepted,
    contributors: contributors.map(({ personId, pseudonym, accepted }) => ({
      pseudonym,
      accepted,
      earnedNano: earned.get(personId) ?? ZERO_NANO,
    })),
    versions: versions.map((version) => ({
      number: version.number,
      contributions: version.contributionCount,
      merkleRoot: version.merkleRoot,
      ...modelStateOf(version.id, modelVersions, runs),
    })),
    training: active === undefined ? null : { state: active.state, ...progressOf(active) },
  };
}

/** What became of the model trained on a datanet version. */
function modelStateOf(
  datanetVersionId: string,
  modelVersions: readonly ModelVersion[],
  runs: readonly TrainingRun[],
): { readonly modelState: string; readonly note: string } {
  const trained = modelVersions.find((version) => version.datanetVersionId === datanetVersionId);
  if (trained !== undefined) {
    return { modelState: trained.state, note: trained.reason ?? evaluationNote(trained) };
  }
  const run = runs.find((one) => one.datanetVersionId === datanetVersionId);
  return { modelState: run?.state ?? 'untrained', note: run?.error ?? '' };
}

function evaluationNote(version: ModelVersion): string {
  const evaluation = evaluationOf(version);
  if (evaluation === null) return '';
  const { adapter, base, items } = evaluation;
  return `${Math.round(adapter * items)} of ${items} held-out questions right, without it ${Math.round(base * items)}`;
}

/** What each contributor got from answers of this datanet's models. */
async function earnedIn(db: Database, datanetId: string): Promise<ReadonlyMap<string, Nano>> {
  const { rows } = await sql<{ personId: string; earnedNano: Nano }>`
    select s.person_id, sum(s.amount_nano)::bigint as earned_nano
    from call_share s join call c on c.id = s.call_id join model m on m.id = c.model_id
    where m.datanet_id = ${datanetId} group by s.person_id`.execute(db);
  return new Map(rows.map((row) => [row.personId, row.earnedNano]));
}
