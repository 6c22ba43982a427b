// One fine-tuning run from its configuration to the finished folder: reads base and data, makes what learns and the
// method, and hands both to the loop. Used by fine-tune-main.ts (a child process) and tests. It knows no formula, no
// optimiser and no people: ids of examples are opaque.
import { loraTensorShapes } from '../graph/llama-train-graph.ts';
import { llamaTensorShapes, loadLlamaWeights } from '../model/llama-weights.ts';
import { type LoraAdapter, loadLoraAdapter } from '../model/lora-adapter.ts';
import { type LlamaConfig, loadModelConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { chooseTrainDevice } from './choose-train-device.ts';
import { type DataReport, describeReport } from './data-intake.ts';
import { createFullLearner } from './full-learner.ts';
import { ktoMethod } from './kto-method.ts';
import type { Learner } from './learner.ts';
import type { ComputeOptions } from './learner-sessions.ts';
import { createLoraLearner } from './lora-learner.ts';
import { pairMethod } from './pair-method.ts';
import { readPreferenceData, readRatedData } from './preference-data.ts';
import { dpoLoss, orpoLoss, simpoLoss } from './preference-loss.ts';
import { createRewardLearner } from './reward-learner.ts';
import { rewardMethod } from './reward-method.ts';
import { exampleEncoder, readSftData } from './sft-data.ts';
import { sftMethod } from './sft-method.ts';
import type { TrainEvent } from './train-event.ts';
import type { Recipe } from './train-recipe.ts';
import type { AnyTrainRun } from './train-run-config.ts';
import { type LoopRun, trainingLoop } from './training-loop.ts';
import { planCompute, trainingMemory } from './training-memory.ts';
import type { TrainingMethod } from './training-method.ts';

type Emit = (event: TrainEvent) => void;

/** Runs to the end, or until the signal. @throws EngineError of reading, of the loop, or `training_too_large` */
export async function trainRun(asked: AnyTrainRun, emit: Emit, signal?: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const config = loadModelConfig(asked.base);
  const start = asked.startFrom === undefined ? undefined : loadLoraAdapter(asked.startFrom, config);
  const run = start ? withShapeOf(start, asked, emit) : asked;
  const compute = await computeOf(run, config, start, emit);
  const learn = { run, config, baseWeights: loadLlamaWeights(run.base, config), start, compute };
  const pathStates = run.method === 'full' ? 0 : run.recipe.checkpoints;
  const loop: LoopRun = { ...run, record: { method: run.method, ...run.recipe }, startedAt, pathStates };
  if (run.method === 'reward') {
    const learner = createRewardLearner(loraOptions(learn, run.recipe));
    const data = dataOf(run, config, emit);
    const { margin, centring } = run.recipe;
    const pairs = data.read(run.data, readPreferenceData);
    const heldOut = data.read(run.heldOut, readPreferenceData);
    const method = await rewardMethod({ learner, pairs, heldOut, margin, centring });
    return await trainingLoop({ ...loop, intake: data.reports() }, learner, method, emit, signal);
  }
  const learner =
    run.method === 'full'
      ? createFullLearner({ ...learn, base: run.base })
      : createLoraLearner(loraOptions(learn, run.recipe));
  const data = dataOf(run, config, emit);
  const onReference = (done: number, total: number): void => {
    signal?.throwIfAborted();
    emit({ type: 'reference', done, total });
  };
  try {
    const method = await methodOf(run, learner, data, onReference);
    await trainingLoop({ ...loop, intake: data.reports() }, learner, method, emit, signal);
  } catch (error) {
    // Before the first update there is nothing to keep: a checkpoint of an earlier start stays as it is.
    if (!signal?.aborted || error !== signal.reason) throw error;
    await learner.release();
    emit({ type: 'stopped', step: 0 });
  }
}

/** The run with rank, strength and targets of the adapter that it goes on from: its record tells what was trained. */
function withShapeOf({ rank, alpha, targets }: LoraAdapter, run: AnyTrainRun, emit: Emit): AnyTrainRun {
  const wished = run.method === 'full' ? undefined : run.recipe;
  if (wished && (wished.rank !== rank || wished.alpha !== alpha || wished.targets.join() !== targets.join()))
    emit({
      type: 'note',
      text: `the adapter it goes on from has rank ${rank}, alpha ${alpha} and ${targets.length} targets: those of the recipe are not used`,
    });
  return { ...run, recipe: { ...run.recipe, rank, alpha, targets: [...targets] } } as AnyTrainRun;
}

/** Where and how it runs. @throws EngineError `training_too_large`, `device_unavailable` */
async function computeOf(
  run: AnyTrainRun,
  config: LlamaConfig,
  start: LoraAdapter | undefined,
  emit: Emit,
): Promise<ComputeOptions> {
  const size = (shapes: ReadonlyMap<string, readonly number[]>): number =>
    [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((product, n) => product * n, 1), 0);
  const parameters = size(llamaTensorShapes(config));
  const isFull = run.method === 'full';
  const trained = isFull ? parameters : size(loraTensorShapes(config, start ?? run.recipe));
  const wish = run.method === 'reward' ? 'cpu' : run.device;
  if (wish !== run.device) emit({ type: 'note', text: 'reward models train on the CPU' });
  const { device, reason } = await chooseTrainDevice(wish, config);
  if (wish !== 'cpu') emit({ type: 'note', text: `training on ${device}: ${reason}` });
  const maxTokens = Math.min(run.recipe.maxTokens, config.maxSeq);
  const need = trainingMemory({ config, parameters, trained, isFull, maxTokens });
  const layerwise = device === 'cpu' && run.method !== 'reward';
  const plan = planCompute(need, parameters, { memoryMb: run.memoryMb, layerwise });
  return { ...plan, device, threads: run.threads };
}

interface LearnOptions {
  readonly run: AnyTrainRun;
  readonly config: LlamaConfig;
  readonly baseWeights: TensorMap;
  readonly start: LoraAdapter | undefined;
  readonly compute: ComputeOptions;
}

function loraOptions({ run, ...learn }: LearnOptions, recipe: LoraOptions) {
  return { ...learn, base: run.base, lora: recipe, seed: recipe.seed };
}

type LoraOptions = Pick<Recipe<'sft'>, 'rank' | 'alpha' | 'targets' | 'dropout' | 'seed'>;

interface RunData {
  /** Nothing where there is no path. */
  readonly read: <T>(
    path: string | undefined,
    reader: (path: string, options: ReadOptions) => { examples: readonly T[]; report: DataReport },
  ) => readonly T[];
  readonly reports: () => readonly DataReport[];
  readonly maxTokens: number;
}

type ReadOptions = Parameters<typeof readSftData>[1];

/** The files of a run as tokens; what was skipped or cut is told. */
function dataOf(run: AnyTrainRun, config: LlamaConfig, emit: Emit): RunData {
  const maxTokens = Math.min(run.recipe.maxTokens, config.maxSeq);
  const options = { policy: { onBadRow: run.onBadRow }, encoder: exampleEncoder(run.base), maxTokens };
  const reports: DataReport[] = [];
  return {
    maxTokens,
    reports: () => reports,
    read: (path, reader) => {
      if (path === undefined) return [];
      const { examples, report } = reader(path, options);
      reports.push(report);
      const told = describeReport(report);
      if (told !== '') emit({ type: 'note', text: `${report.file}: ${told}` });
      return examples;
    },
  };
}

async function methodOf(
  run: Exclude<AnyTrainRun, { method: 'reward' }>,
  learner: Learner,
  data: RunData,
  onReference: (done: number, total: number) => void,
): Promise<TrainingMethod> {
  if (run.method === 'sft' || run.method === 'full')
    return await sftMethod(learner, data.read(run.data, readSftData), data.read(run.heldOut, readSftData));
  const heldOutAnswers = data.read(run.heldOutAnswers, readSftData);
  const { answersRiseMax } = run.recipe;
  const watched = { learner, heldOutAnswers, answersRiseMax, onReference };
  if (run.method === 'kto')
    return await ktoMethod({
      ...watched,
      ratings: data.read(run.data, readRatedData),
      heldOut: data.read(run.heldOut, readRatedData),
      ...{ beta: run.recipe.beta, seed: run.recipe.seed, maxTokens: data.maxTokens },
      desirableWeight: run.recipe.desirableWeight,
      undesirableWeight: run.recipe.undesirableWeight,
    });
  return await pairMethod({
    ...{ ...watched, ...pairLossOf(run) },
    pairs: data.read(run.data, readPreferenceData),
    heldOut: data.read(run.heldOut, readPreferenceData),
  });
}

type PairRun = Extract<AnyTrainRun, { method: 'dpo' | 'simpo' | 'orpo' }>;

/** The loss of a method of pairs, and whether it needs a reference. */
function pairLossOf(
  run: PairRun,
): Pick<Parameters<typeof pairMethod>[0], 'lossOf' | 'needsReference' | 'sftWeight'> {
  switch (run.method) {
    case 'dpo': {
      const { beta, labelSmoothing: smoothing, sftWeight } = run.recipe;
      const lossOf = (policy: Logps, reference: Logps) => dpoLoss(policy, reference, { beta, smoothing });
      return { sftWeight, needsReference: true, lossOf };
    }
    case 'simpo': {
      const { beta, gammaRatio, sftWeight } = run.recipe;
      const lossOf = (policy: Logps, _: Logps, lengths: Logps) =>
        simpoLoss(policy, lengths, { beta, gamma: gammaRatio * beta });
      return { sftWeight, needsReference: false, lossOf };
    }
    case 'orpo': {
      const { lambda } = run.recipe;
      const lossOf = (policy: Logps, _: Logps, lengths: Logps) => orpoLoss(policy, lengths, { lambda });
      return { sftWeight: 0, needsReference: false, lossOf }; // the nll is part of the loss
    }
  }
}

type Logps = Parameters<typeof dpoLoss>[0];
