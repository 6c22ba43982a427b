// The one loop of fine-tuning: gradient of a method, clip, AdamW; now and then a look at held-out data and a checkpoint;
// at the end the folder. Used by train-run.ts for every method, over adapters and whole models. It knows no loss and no
// data format. Order of data follows from the step and the seed. Invariants: a resumed run ends with the same weights,
// to the bit, as one never stopped; weights are never changed by an update whose loss or gradient is no number, and
// never saved as finished where they give no number.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import { type AdamWState, adamWDefaults, adamWStep, createAdamWState, globalNorm } from './adamw.ts';
import { readCheckpoint, readCheckpointExtra, writeCheckpoint } from './checkpoint.ts';
import { type EarlyStopping, earlyStopping } from './early-stopping.ts';
import { watchedLoss } from './held-out-answers.ts';
import type { Trainee } from './learner.ts';
import { runCheckpoints } from './run-checkpoints.ts';
import { createRunHistory, type RunHistory } from './run-history.ts';
import type { TrainEvent, TrainingEnd } from './train-event.ts';
import type { LoopRecipe } from './train-recipe.ts';
import type { HeldOutResult, MethodUpdate, TrainingMethod } from './training-method.ts';
import { updatePlan } from './update-plan.ts';
import { countNumbers } from './weights-identity.ts';

export interface LoopRun {
  readonly out: string;
  readonly recipe: LoopRecipe;
  /** The whole recipe with the method's own fields, for the record and the checkpoint's identity. */
  readonly record: Readonly<Record<string, unknown>>;
  readonly logEvery: number;
  /** Updates between kept states of the weights; 0 = none. */
  readonly checkpointEvery: number;
  readonly resumeEvery: number;
  /** States of the adapter to keep for attribution, its end among them, see run-checkpoints.ts; none where left out. */
  readonly pathStates?: number;
  /** What became of the rows of its files, for the record. */
  readonly intake?: readonly unknown[];
  /** The run ends with what it has after so long, but not without an update. */
  readonly minutes?: number;
  /** performance.now() from which minutes count; where the loop begins if left out. */
  readonly startedAt?: number;
}

interface LoopState {
  readonly adamW: AdamWState;
  readonly stopping: EarlyStopping;
  readonly history: RunHistory;
}

/** Runs to the end, or until the signal. Goes on from `out/checkpoint.safetensors` where this run wrote it. */
export async function trainingLoop(
  run: LoopRun,
  learner: Trainee,
  method: TrainingMethod,
  emit: (event: TrainEvent) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { recipe } = run;
  const { trained } = learner;
  const adamW = createAdamWState(trained);
  const stopping = earlyStopping(trained, method.heldOut ? recipe.patience : 0);
  const history = createRunHistory(method.metricNames);
  if (method.heldOut) noteBefore(method.heldOut.before, history, stopping);
  const state: LoopState = { adamW, stopping, history };
  const checkpoint = checkpointOf(run, learner, method, state);
  const resumed = checkpoint.resume();
  if (resumed === 'of another run')
    emit({ type: 'note', text: 'the checkpoint in the folder is of another run and is not used' });

  const plan = updatePlan(method.ids.length, recipe);
  const { steps } = plan;
  const path = runCheckpoints(run.out, plan, run.pathStates ?? 0, resumed === 'resumed');
  emit({
    type: 'start',
    ...{ parameters: learner.parameters, trained: countNumbers(trained), step: adamW.step, steps },
  });

  const since = { at: performance.now(), step: adamW.step, tokens: history.tokens() };
  const startedAt = run.startedAt ?? since.at;
  const minutesGone = (): number => (performance.now() - startedAt) / 60_000;
  let end: TrainingEnd = 'steps';
  let loss = history.losses().at(-1) ?? Number.NaN;
  while (adamW.step < steps) {
    if (signal?.aborted) {
      checkpoint.write();
      await learner.release();
      return emit({ type: 'stopped', step: adamW.step });
    }
    if (run.minutes !== undefined && adamW.step > since.step && minutesGone() >= run.minutes) {
      end = 'minutes';
      break;
    }
    const items = plan.items(adamW.step);
    const update = await method.update(items, adamW.step);
    refuseBroken(update, adamW.step + 1, method, items);
    loss = update.loss;
    const learningRate = plan.learningRate(adamW.step);
    const { beta2, weightDecay, clipNorm, adamEps: epsilon } = recipe;
    const options = { ...adamWDefaults, beta2, weightDecay, clipNorm, epsilon };
    const gradientNorm = adamWStep(trained, update.gradients, adamW, learningRate, options);
    history.addUpdate(loss, update.tokens, update.metrics);

    const { step } = adamW;
    const isLast = step === steps;
    path.note(step, learner.save);
    let enough = false;
    let evaluation: HeldOutResult | undefined;
    if (method.heldOut && (step % recipe.evalEvery === 0 || isLast)) {
      evaluation = await method.heldOut.measure();
      enough = noteEvaluation(evaluation, step, state, emit);
    }
    if (step % run.logEvery === 0 || isLast || enough) {
      const seconds = (performance.now() - since.at) / 1000;
      const tokens = history.tokens();
      emit({
        type: 'progress',
        ...{ step, steps, tokens, loss, gradientNorm, learningRate },
        tokensPerSecond: Math.round((tokens - since.tokens) / seconds),
        etaSeconds: Math.round((seconds / (step - since.step)) * (steps - step)),
        heldOutLoss: evaluation && shownLoss(evaluation),
        ...(method.metricNames.length === 0 ? {} : { metrics: named(method, update.metrics) }),
      });
    }
    if (!isLast && !enough && step % run.resumeEvery === 0) {
      checkpoint.write();
      emit({ type: 'checkpoint', step, path: checkpoint.path });
    }
    if (run.checkpointEvery > 0 && step % run.checkpointEvery === 0)
      learner.save(join(run.out, `step-${step}`));
    await new Promise((resolve) => setImmediate(resolve)); // lets a signal handler run
    if (enough) {
      end = 'early';
      break;
    }
  }
  if (end === 'minutes') {
    const evaluation = await method.heldOut?.measure();
    if (evaluation) refuseBrokenWeights(evaluation, adamW.step);
    checkpoint.write(); // more time goes on from here, without this evaluation
    if (evaluation) noteEvaluation(evaluation, adamW.step, state, emit);
  }
  // No evaluation has seen what the last update made of the weights: one example does.
  if (!method.heldOut) {
    const [item] = plan.items(adamW.step);
    const { loss: now } = await method.update([item], adamW.step);
    refuseBrokenWeights({ loss: now, metrics: {} }, adamW.step);
  }
  stopping.restore();
  await learner.release();
  learner.save(run.out);
  const kept = path.finish(stopping.bestStep() ?? adamW.step, end !== 'minutes');
  writeRecord(run, method, state, steps, end, kept);
  if (end !== 'minutes') rmSync(checkpoint.path, { force: true });
  emit({
    type: 'done',
    ...{ step: adamW.step, folder: run.out, finalLoss: loss, tokens: history.tokens(), endedBy: end },
    ...finalFigures(history, stopping.bestStep()),
  });
}

function checkpointOf(run: LoopRun, learner: Trainee, method: TrainingMethod, state: LoopState) {
  const path = join(run.out, 'checkpoint.safetensors');
  mkdirSync(run.out, { recursive: true });
  // Another recipe, other data or another base: another run, from the start.
  const identity = JSON.stringify([run.record, learner.identity, method.identity]);
  return {
    path,
    resume: (): 'resumed' | 'of another run' | 'none' => {
      if (!existsSync(path)) return 'none';
      if (!readCheckpoint(path, learner.trained, state.adamW, identity)) return 'of another run';
      const extra = readCheckpointExtra(path);
      state.stopping.resume(extra);
      state.history.resume(extra);
      return 'resumed';
    },
    write: (): void =>
      writeCheckpoint(
        path,
        learner.trained,
        state.adamW,
        identity,
        new Map([...state.stopping.state(), ...state.history.state()]),
      ),
  };
}

/** The figures before the first update are shown, and kept where nothing later is acceptable; they win no comparison. */
function noteBefore(before: HeldOutResult, history: RunHistory, stopping: EarlyStopping): void {
  refuseBrokenWeights(before, 0);
  history.addHeldOut(0, before.loss, before.metrics);
  stopping.note({ ...before, loss: Number.POSITIVE_INFINITY, acceptable: true }, 0);
}

/** @returns whether the run should end. @throws EngineError `training_diverged` */
function noteEvaluation(
  result: HeldOutResult,
  step: number,
  { history, stopping }: LoopState,
  emit: (event: TrainEvent) => void,
): boolean {
  const { loss, metrics } = result;
  refuseBrokenWeights(result, step);
  history.addHeldOut(step, loss, metrics);
  emit({ type: 'eval', step, losses: { ...(loss === undefined ? {} : { 'held-out': loss }), ...metrics } });
  if (!result.acceptable)
    emit({
      type: 'note',
      text: `the loss of the held-out answers has risen more than answersRiseMax allows at update ${step}: the run ends with the weights before`,
    });
  return stopping.note(result, step);
}

/** @throws EngineError `training_diverged` where weights give figures that are no numbers */
function refuseBrokenWeights({ loss = 0, metrics }: Omit<HeldOutResult, 'acceptable'>, step: number): void {
  const figures = [['loss', loss] as const, ...Object.entries(metrics)];
  const broken = figures.find(([, value]) => !Number.isFinite(value));
  if (broken === undefined) return;
  const when = step === 0 ? 'before the first update' : `with the weights of update ${step}`;
  const what = step === 0 ? 'look at the weights it starts from' : 'lower the learning rate';
  throw new EngineError(`${broken[0]} is ${broken[1]} ${when}: ${what}. Nothing is saved as finished.`, {
    code: 'training_diverged',
    retry: 'never',
  });
}

/** What a curve shows: the method's own held-out loss, or that of the answers it watches. */
function shownLoss({ loss, metrics }: HeldOutResult): number | undefined {
  return loss ?? metrics[watchedLoss];
}

const namedMax = 16;

/** @throws EngineError `training_diverged` naming the rows, before the weights are touched */
function refuseBroken(
  update: MethodUpdate,
  step: number,
  method: TrainingMethod,
  items: readonly number[],
): void {
  const norm = globalNorm(update.gradients);
  if (Number.isFinite(update.loss) && Number.isFinite(norm)) return;
  const what = Number.isFinite(update.loss) ? `gradient norm is ${norm}` : `loss is ${update.loss}`;
  const isSome = update.broken.length > 0 && update.broken.length < items.length;
  const ids = isSome ? update.broken : items.map((item) => method.ids[item]);
  const shown = `${ids.slice(0, namedMax).join(', ')}${ids.length > namedMax ? ` and ${ids.length - namedMax} more` : ''}`;
  const why = isSome
    ? 'these rows alone have no log-probability: look at them'
    : 'every row of the update is affected: lower the learning rate, or look at the base weights';
  throw new EngineError(
    `${what} at update ${step} (rows ${shown}); ${why}. The last checkpoint before it is kept.`,
    { code: 'training_diverged', retry: 'never' },
  );
}

function named(method: TrainingMethod, values: readonly number[]): Readonly<Record<string, number>> {
  return Object.fromEntries(method.metricNames.map((name, i) => [name, values[i]]));
}

/** Of the weights that were kept: the best evaluation's where it decides, else the last one's. */
function finalFigures(history: RunHistory, bestStep: number | undefined) {
  const evaluation = history.heldOut().find(({ step }) => step === bestStep) ?? history.heldOut().at(-1);
  const last = Object.entries(history.metrics()).map(([name, values]) => [name, values.at(-1) ?? Number.NaN]);
  const metrics: Readonly<Record<string, number>> = { ...Object.fromEntries(last), ...evaluation?.metrics };
  return { heldOutLoss: evaluation?.loss ?? evaluation?.metrics[watchedLoss], metrics };
}

/** training.json: everything a model card needs. Equal for a resumed and an uninterrupted run. */
function writeRecord(
  run: LoopRun,
  method: TrainingMethod,
  { history, stopping, adamW }: LoopState,
  steps: number,
  end: TrainingEnd,
  path: readonly unknown[],
): void {
  const record = {
    ...{ recipe: run.record, steps, stepsDone: adamW.step, endedBy: end },
    ...{ examples: method.ids.length, answerTokens: method.answerTokens, trainedTokens: history.tokens() },
    ...{ losses: history.losses(), metrics: history.metrics(), heldOut: history.heldOut() },
    data: run.intake,
    keptStep: stopping.bestStep() ?? adamW.step,
    ...(path.length > 0 ? { checkpoints: path } : {}),
  };
  writeFileSync(join(run.out, 'training.json'), `${JSON.stringify(record, null, 2)}\n`);
}
