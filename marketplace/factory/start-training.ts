// When a datanet has enough newly accepted contributions: cut its next version and queue the training of its model, in
// the transaction that made it so. Used by datanets/review-contribution.ts, and by train-version.ts when a run ends
// (contributions accepted meanwhile may already be enough for the next).
// Rule: one run of a model at a time; the condition is `trainAfterAccepted` contributions that are in no version yet.
import type { Tx } from '../../db/database.ts';
import { datanetProgress, getDatanet, transitionDatanet } from '../../db/repositories/datanet-repository.ts';
import { modelsOfDatanet } from '../../db/repositories/model-repository.ts';
import {
  listTrainingRuns,
  queueTrainingRun,
  watchTrainingRun,
} from '../../db/repositories/training-run-repository.ts';
import type { Model } from '../../db/schema.ts';
import { cutVersion } from '../datanets/cut-version.ts';
import { enqueueJob, trainJob } from '../jobs/enqueue-job.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { newsOfRun } from './run-news.ts';

export interface TrainingDue {
  readonly newSinceVersion: number;
  readonly started: boolean;
}

/** @param conversationId one more conversation that wants to hear how it ends */
export async function startTrainingIfDue(
  tx: Tx,
  { settings }: Pick<MarketplaceContext, 'settings'>,
  datanetId: string,
  conversationId?: string,
): Promise<TrainingDue> {
  // Two acceptances at once must not both cut a version: the datanet's row is the lock.
  await tx.selectFrom('datanet').select('id').where('id', '=', datanetId).forUpdate().execute();
  const { acceptedSinceVersion } = await datanetProgress(tx, datanetId);
  const notDue = { newSinceVersion: acceptedSinceVersion, started: false };
  if (acceptedSinceVersion < settings.trainAfterAccepted) return notDue;
  const models = (await modelsOfDatanet(tx, datanetId)).filter((model) => model.state === 'listed');
  for (const model of models) {
    const active = await listTrainingRuns(tx, { modelId: model.id, activeOnly: true });
    if (active.length > 0) return notDue;
  }
  if (models.length === 0) return notDue;
  const members = await newContributors(tx, datanetId);
  const version = await cutVersion(tx, datanetId);
  for (const model of models) await queueRun(tx, settings, model, version.id, members, conversationId);
  const cause = `version ${version.number} with ${version.contributionCount} contributions`;
  await transitionDatanet(tx, { id: datanetId, from: ['collecting', 'published'], to: 'training', cause });
  return { newSinceVersion: 0, started: true };
}

async function queueRun(
  tx: Tx,
  settings: MarketplaceContext['settings'],
  model: Model,
  datanetVersionId: string,
  memberConversations: readonly string[],
  conversationId: string | undefined,
): Promise<void> {
  const cause = 'enough newly accepted contributions';
  const queued = await queueTrainingRun(tx, { modelId: model.id, datanetVersionId, cause });
  if (!queued.ok) return;
  const { run } = queued;
  const watchers = new Set(memberConversations);
  if (conversationId !== undefined) watchers.add(conversationId);
  for (const watcher of watchers) await watchTrainingRun(tx, run.id, watcher);
  await enqueueJob(tx, 'train-version', trainJob(run, settings));
  const datanet = await getDatanet(tx, model.datanetId);
  const ahead = (await listTrainingRuns(tx, { activeOnly: true })).length - 1;
  const when =
    ahead === 0
      ? 'is being trained now'
      : `will be trained after ${ahead} other training${ahead === 1 ? '' : 's'}`;
  const text = `Enough new contributions were accepted: the next version of ${model.title} ${when}. /training shows how far it is.`;
  await newsOfRun(tx, run.id, { kind: 'training_started', datanetTitle: datanet?.title ?? '', text });
}

/** The newest open conversation of each person whose contribution is new in the coming version. */
async function newContributors(tx: Tx, datanetId: string): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom('conversation')
    .distinctOn('conversation.personId')
    .select('conversation.id')
    .where('conversation.state', '=', 'open')
    .where('conversation.personId', 'in', (query) =>
      query
        .selectFrom('contribution')
        .select('contribution.personId')
        .where('contribution.datanetId', '=', datanetId)
        .where('contribution.state', '=', 'accepted')
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('datanetVersionContribution')
                .select('position')
                .whereRef('datanetVersionContribution.contributionId', '=', 'contribution.id'),
            ),
          ),
        ),
    )
    .orderBy('conversation.personId')
    .orderBy('conversation.updatedAt', 'desc')
    .execute();
  return rows.map((row) => row.id);
}
