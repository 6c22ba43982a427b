// One training run from its queued row to a published or rejected model version: train and judge each phase, decide, build
// the attribution store, publish. A background job of job-runner.ts. Safe to repeat after kill -9 at any point: each phase
// is found done, or goes on from its checkpoint; publishing is one transaction. Money is never touched here.
// States of a run: queued → running ⇄ evaluating → published | rejected | failed | cancelled (by cancel-training.ts).
import { transact } from '../../db/database.ts';
import { getTrainingRun, transitionTrainingRun } from '../../db/repositories/training-run-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isDatabaseAway, waitForDatabase } from '../wait-for-database.ts';
import { endRun } from './end-run.ts';
import { leaveTraining } from './leave-training.ts';
import { ACTIVE_STATES, moveRun, RunEnded } from './move-run.ts';
import { removeRunFolders } from './run-folders.ts';
import { newsOfRun } from './run-news.ts';
import { planOf, type RunPlan } from './run-plan.ts';
import { trainPhases } from './train-phases.ts';

/** A fault that may pass (the training process was killed, say) is tried again this often before the run has failed. */
const TRIES_MAX = 3;

/**
 * @param attempt which try of the job this is, from 1
 * @throws faults of the database's absence, of being stopped, and such as may pass: the run then stays and is taken up
 *   again by the job's next try or at the next start
 */
export async function trainVersion(
  market: MarketplaceContext,
  runId: string,
  attempt: number,
): Promise<void> {
  const run = await getTrainingRun(market.db, runId);
  if (run === undefined || !(ACTIVE_STATES as readonly string[]).includes(run.state)) return;
  const plan = await planOf(market, run);
  const cancelled = market.trainings.begin(runId);
  try {
    const watched = { ...market, stopping: AbortSignal.any([market.stopping, cancelled]) };
    const candidate = await trainPhases(watched, plan);
    await moveRun(watched, runId, 'evaluating', 'judged');
    await endRun(watched, candidate);
  } catch (fault) {
    if (cancelled.aborted || fault instanceof RunEnded) return await forgetCancelled(market, runId);
    if (isDatabaseAway(fault) || market.stopping.aborted) throw fault;
    if (mayPass(fault) && attempt < TRIES_MAX) throw fault;
    await failRun(market, plan, fault);
  } finally {
    market.trainings.end(runId);
  }
}

/** What a published run made stays; only a cancelled one's goes. */
async function forgetCancelled(market: MarketplaceContext, runId: string): Promise<void> {
  const run = await waitForDatabase(market, () => getTrainingRun(market.db, runId));
  if (run?.state === 'cancelled') await removeRunFolders(market, run);
}

function mayPass(fault: unknown): boolean {
  const retry = (fault as { retry?: unknown } | null)?.retry;
  return retry === 'safe' || retry === 'after';
}

async function failRun(market: MarketplaceContext, plan: RunPlan, fault: unknown): Promise<void> {
  const { run, datanet, model } = plan;
  const error = fault instanceof Error ? fault.message : String(fault);
  market.log.error({ err: fault, runId: run.id }, 'a training run failed');
  const text = `Training ${model.title} failed; the version before it goes on answering. The next try starts with the next accepted contributions.`;
  await waitForDatabase(market, () =>
    transact(market.db, async (tx) => {
      const from = ACTIVE_STATES;
      const failed = await transitionTrainingRun(tx, { id: run.id, from, to: 'failed', cause: error, error });
      if (!failed.ok) return;
      await leaveTraining(tx, datanet.id, model.id, error);
      await newsOfRun(tx, run.id, { kind: 'training_failed', datanetTitle: datanet.title, text });
    }),
  );
  await removeRunFolders(market, run);
}
