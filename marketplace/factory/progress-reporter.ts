// Takes the engine's progress of one phase to the run's row, to its curve and, at a calm pace, to the chats that watch.
// Used by train-phases.ts. It never fails a run: what cannot be saved is logged.
// The curve is thin: at most POINTS_MAX points a phase and always the last step; a held-out loss waits for the next point.
import { transact } from '../../db/database.ts';
import { addTrainingPoint } from '../../db/repositories/training-point-repository.ts';
import { setTrainingProgress } from '../../db/repositories/training-run-repository.ts';
import type { TrainMethod, TrainProgress } from '../../engine/engine.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { newsOfRun } from './run-news.ts';
import type { RunPlan } from './run-plan.ts';

/** A run has at most three phases: 200 points in all, and a little. */
const POINTS_MAX: Readonly<Record<TrainMethod, number>> = { sft: 120, dpo: 40, orpo: 40, kto: 40 };

const NAMES: Readonly<Record<TrainMethod, string>> = {
  sft: '',
  dpo: ' on people’s corrections',
  orpo: ' on people’s corrections',
  kto: ' on people’s votes',
};

export interface ProgressReporter {
  tell(progress: TrainProgress): void;
  /** Resolves when what was told is saved. */
  flush(): Promise<void>;
}

export function progressReporter(
  market: MarketplaceContext,
  { run, datanet, model }: RunPlan,
  phase: TrainMethod,
): ProgressReporter {
  const { settings, db, log } = market;
  let savedAt = Number.NEGATIVE_INFINITY;
  let toldAt = performance.now();
  let heldOutLoss: number | null = null;
  let saving: Promise<void> = Promise.resolve();

  const inTurn = (work: () => Promise<void>): void => {
    saving = saving
      .then(work)
      .catch((fault: unknown) => log.warn({ err: fault, runId: run.id }, 'progress could not be saved'));
  };

  const point = ({ step, steps, loss, tokensPerSecond }: TrainProgress): void => {
    const stride = Math.max(1, Math.ceil(steps / POINTS_MAX[phase]));
    if (step !== 1 && step !== steps && step % stride !== 0) return;
    const held = heldOutLoss;
    heldOutLoss = null;
    const row = { trainingRunId: run.id, phase, step, loss, heldOutLoss: held, tokensPerSecond };
    inTurn(() => addTrainingPoint(db, row));
  };

  const save = async (progress: TrainProgress, lastHeldOut: number | null, tell: boolean): Promise<void> => {
    const { step, steps, loss, etaMs, tokensPerSecond } = progress;
    const shown = { phase, step, steps, loss, etaMs, tokensPerSecond, heldOutLoss: lastHeldOut };
    await setTrainingProgress(db, run.id, shown);
    if (!tell) return;
    const minutes = Math.max(1, Math.round(etaMs / 60_000));
    const text = `Training ${model.title}${NAMES[phase]}: step ${step} of ${steps}, loss ${loss.toFixed(2)}, about ${minutes} min left.`;
    const news = {
      kind: 'training_progress',
      datanetTitle: datanet.title,
      text,
      key: `${phase}:${step}`,
    } as const;
    await transact(db, (tx) => newsOfRun(tx, run.id, news));
  };

  let lastHeldOut: number | null = null;
  return {
    tell(progress) {
      if (progress.heldOutLoss !== undefined) heldOutLoss = lastHeldOut = progress.heldOutLoss;
      point(progress);
      const now = performance.now();
      if (now - savedAt < settings.progressEveryMs && progress.step !== progress.steps) return;
      savedAt = now;
      const tellNow = now - toldAt >= settings.progressNewsEveryMs;
      if (tellNow) toldAt = now;
      const held = lastHeldOut;
      inTurn(() => save(progress, held, tellNow));
    },
    flush: () => saving,
  };
}
