// One training run from its queued row to a published or rejected model version: train → evaluate → decide → build the
// attribution store → publish. A background job of job-runner.ts. Safe to repeat after kill -9 at any point: each phase
// is either found done (the trained adapter, the version) or done again; publishing is one transaction.
// States of a run: queued → running → evaluating → published | rejected | failed.
import { rm } from 'node:fs/promises';
import { transact } from '../../db/database.ts';
import { transitionDatanet } from '../../db/repositories/datanet-repository.ts';
import {
  getTrainingRun,
  setTrainingProgress,
  transitionTrainingRun,
} from '../../db/repositories/training-run-repository.ts';
import type { TrainingRun } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isDatabaseAway, waitForDatabase } from '../wait-for-database.ts';
import { endRun } from './end-run.ts';
import { evaluateCandidate } from './evaluate-candidate.ts';
import { newsOfRun } from './run-news.ts';
import { exampleOf, planOf, type RunPlan } from './run-plan.ts';
import { type FinishedTraining, finishedTraining } from './training-progress.ts';

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
  if (run === undefined || !['queued', 'running', 'evaluating'].includes(run.state)) return;
  const plan = await planOf(market, run);
  try {
    const trained = finishedTraining(run) ?? (await train(market, plan));
    await moveRun(market, runId, ['queued', 'running', 'evaluating'], 'evaluating', 'trained');
    const judged = await evaluateCandidate(market, plan);
    await endRun(market, plan, trained, judged);
  } catch (fault) {
    if (isDatabaseAway(fault) || market.stopping.aborted) throw fault;
    if (mayPass(fault) && attempt < TRIES_MAX) throw fault;
    await failRun(market, plan, fault);
  }
}

function mayPass(fault: unknown): boolean {
  const retry = (fault as { retry?: unknown } | null)?.retry;
  return retry === 'safe' || retry === 'after';
}

async function train(market: MarketplaceContext, plan: RunPlan): Promise<FinishedTraining> {
  const { run, contributions, adapter } = plan;
  await moveRun(market, run.id, ['queued', 'running', 'evaluating'], 'running', 'training');
  await rm(adapter.dir, { recursive: true, force: true });
  const report = progressReporter(market, plan);
  const examples = contributions.map(exampleOf);
  const job = { outDir: adapter.dir, examples, seed: market.settings.trainSeed };
  const result = await market.engine.train(job, report.tell, market.stopping);
  await report.flush();
  const { recipe, finalLoss, trainedTokens } = result;
  const trained = { recipe, finalLoss, trainedTokens };
  await waitForDatabase(market, () => setTrainingProgress(market.db, run.id, { ...report.last(), trained }));
  return trained;
}

async function moveRun(
  market: MarketplaceContext,
  id: string,
  from: readonly TrainingRun['state'][],
  to: TrainingRun['state'],
  cause: string,
): Promise<void> {
  await waitForDatabase(market, () =>
    transact(market.db, async (tx) => {
      const run = await getTrainingRun(tx, id);
      if (run?.state === to) return;
      await transitionTrainingRun(tx, { id, from, to, cause });
    }),
  );
}

/** Saves progress at most every `progressEveryMs` and tells it at most every `progressNewsEveryMs`; never fails a run. */
function progressReporter(market: MarketplaceContext, { run, datanet, model }: RunPlan) {
  const { settings, db, log } = market;
  let savedAt = Number.NEGATIVE_INFINITY;
  let toldAt = performance.now();
  let last: Parameters<Parameters<typeof market.engine.train>[1]>[0] | null = null;
  let saving: Promise<void> = Promise.resolve();
  const save = async (tell: boolean): Promise<void> => {
    if (last === null) return;
    const { step, steps, loss, etaMs } = last;
    await setTrainingProgress(db, run.id, { step, steps, loss, etaMs });
    if (!tell) return;
    const minutes = Math.max(1, Math.round(etaMs / 60_000));
    const text = `Training ${model.title}: step ${step} of ${steps}, loss ${loss.toFixed(2)}, about ${minutes} min left.`;
    const news = { kind: 'training_progress', datanetTitle: datanet.title, text, step } as const;
    await transact(db, (tx) => newsOfRun(tx, run.id, news));
  };
  return {
    last: () => ({ ...last }),
    tell(progress: NonNullable<typeof last>): void {
      last = progress;
      const now = performance.now();
      if (now - savedAt < settings.progressEveryMs) return;
      savedAt = now;
      const tellNow = now - toldAt >= settings.progressNewsEveryMs;
      if (tellNow) toldAt = now;
      saving = saving
        .then(() => save(tellNow))
        .catch((fault: unknown) => log.warn({ err: fault, runId: run.id }, 'progress could not be saved'));
    },
    flush: () => saving,
  };
}

async function failRun(market: MarketplaceContext, plan: RunPlan, fault: unknown): Promise<void> {
  const { run, datanet, model } = plan;
  const error = fault instanceof Error ? fault.message : String(fault);
  market.log.error({ err: fault, runId: run.id }, 'a training run failed');
  const text = `Training ${model.title} failed; the version before it goes on answering. The next try starts with the next accepted contributions.`;
  await waitForDatabase(market, () =>
    transact(market.db, async (tx) => {
      const from = ['queued', 'running', 'evaluating'] as const;
      const failed = await transitionTrainingRun(tx, { id: run.id, from, to: 'failed', cause: error, error });
      if (!failed.ok) return;
      await transitionDatanet(tx, { id: datanet.id, from: ['training'], to: 'published', cause: error });
      await newsOfRun(tx, run.id, { kind: 'training_failed', datanetTitle: datanet.title, text });
    }),
  );
}
