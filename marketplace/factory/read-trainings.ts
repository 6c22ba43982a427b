// Trainings as people see them: what runs, what waits and at which place, and how the last ones ended.
// Used by create-marketplace.ts. Reads only; null where nobody in particular looks (the live page).
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import { getModel } from '../../db/repositories/model-repository.ts';
import { getModelVersion } from '../../db/repositories/model-version-repository.ts';
import { listTrainingRuns } from '../../db/repositories/training-run-repository.ts';
import type { TrainingRun } from '../../db/schema.ts';
import type { Person } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { TrainingsView, TrainingView } from '../training-views.ts';
import { mayCancel } from './may-cancel.ts';
import { ACTIVE_STATES } from './move-run.ts';
import { phasesOf } from './phase-record.ts';
import { progressOf } from './training-progress.ts';
import { withoutPaths } from './without-paths.ts';

type Reading = Pick<MarketplaceContext, 'db' | 'settings'>;

const RECENT = 5;

export async function readTrainings(market: Reading, person: Person | null): Promise<TrainingsView> {
  const runs = await listTrainingRuns(market.db, { activeOnly: true });
  const waiting = runs.filter((run) => run.state === 'queued').toReversed();
  const running = runs.filter((run) => run.state !== 'queued').toReversed();
  const latest = await listTrainingRuns(market.db, { limit: RECENT + runs.length });
  const ended = latest.filter((run) => !isActive(run)).slice(0, RECENT);
  return {
    active: await Promise.all([...running, ...waiting].map((run) => view(market, run, waiting, person))),
    recent: await Promise.all(ended.map((run) => view(market, run, [], person))),
  };
}

const isActive = (run: TrainingRun): boolean => (ACTIVE_STATES as readonly string[]).includes(run.state);

async function view(
  market: Reading,
  run: TrainingRun,
  waiting: readonly TrainingRun[],
  person: Person | null,
): Promise<TrainingView> {
  const { db } = market;
  const model = await getModel(db, run.modelId);
  const datanet = model === undefined ? undefined : await getDatanet(db, model.datanetId);
  const version = run.modelVersionId === null ? undefined : await getModelVersion(db, run.modelVersionId);
  const { phase, ...progress } = progressOf(run);
  const place = waiting.findIndex((one) => one.id === run.id);
  return {
    runId: run.id,
    datanetTitle: datanet?.title ?? '',
    modelTitle: model?.title ?? '',
    state: run.state,
    queuePosition: place < 0 ? null : place + 1,
    method: phase,
    ...progress,
    phases: phasesOf(run).map(({ method, outcome, reason }) => ({ method, outcome, reason })),
    queuedAt: run.createdAt,
    finishedAt: run.finishedAt,
    note: run.error === null ? (version?.reason ?? lastReason(run)) : withoutPaths(run.error),
    mayCancel:
      person !== null &&
      datanet !== undefined &&
      isActive(run) &&
      (await mayCancel(market, datanet, person.id)),
  };
}

/** Published versions keep no reason of their own; the phase that won does. */
function lastReason(run: TrainingRun): string | null {
  if (isActive(run)) return null;
  return phasesOf(run).findLast((phase) => phase.outcome === 'kept')?.reason ?? null;
}
