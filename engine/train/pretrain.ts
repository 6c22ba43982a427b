// Pre-training of a base model from token files to a Hugging Face folder. Used by pretrain-main.ts (a child
// process) and tests. It knows no corpus: tokens come as files. One loop: accumulate gradients, clip, update;
// now and then validate and checkpoint. Stopping (signal) happens between updates and keeps a checkpoint.
// A run may end in a last stage: the learning rate falls while windows come from another mixture, longer perhaps.
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import { toConfigJson } from '../model/model-config.ts';
import { type TensorMap, writeSafetensors } from '../model/safetensors.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { firstLlamaWeights } from './first-weights.ts';
import { addGradients } from './gradient-sum.ts';
import { learningRateAt } from './lr-schedule.ts';
import { createOptimiser, type Optimiser } from './optimiser.ts';
import { llamaConfigOf, type PretrainConfig } from './pretrain-config.ts';
import { createWindowReader, evenWindows, readTokenFile } from './token-windows.ts';
import type { TrainEvent } from './train-event.ts';
import { createTrainingSession, type TokenBatch, type TrainingSession } from './training-session.ts';

const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'];

/**
 * Runs to the end, or until the signal. Starts from `out/checkpoint.safetensors` where that exists; plan, rates and data
 * may have changed since.
 *
 * @throws EngineError `checkpoint_mismatch` where that file is of another shape, optimiser or seed
 */
export async function pretrain(
  config: PretrainConfig,
  emit: (event: TrainEvent) => void,
  signal?: AbortSignal,
): Promise<void> {
  mkdirSync(config.out, { recursive: true });
  const checkpointPath = join(config.out, 'checkpoint.safetensors');
  const llama = llamaConfigOf(config);
  const weights = firstLlamaWeights(llama, config.seed);
  const optimiser = await createOptimiser(weights, config);
  const { state } = optimiser;
  // Moments of one optimiser mean nothing to another, and another seed would read other windows.
  const identity = `${config.optimiser} ${config.seed}`;
  if (!readCheckpoint(checkpointPath, weights, state, identity) && existsSync(checkpointPath))
    throw new EngineError(
      `${checkpointPath} was written with another optimiser or seed: take these, or another "out"`,
      { code: 'checkpoint_mismatch', retry: 'never' },
    );
  const parameters = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  emit({ type: 'start', parameters, trained: parameters, step: state.step, steps: config.steps });

  const inLastStage = (): boolean => config.lastSteps > 0 && state.step >= config.steps - config.lastSteps;
  let stage = await openStage(config, weights, inLastStage());
  const save = (): void => {
    writeCheckpoint(checkpointPath, weights, state, identity);
    writeModelFolder(config, weights); // the model so far can be served at any time
    emit({ type: 'checkpoint', step: state.step, path: checkpointPath });
  };

  const tokensPerStep = config.batch * config.seq * config.gradAccum;
  let window = { loss: 0, steps: 0, since: performance.now() };
  let finalLoss = Number.NaN;
  while (state.step < config.steps) {
    if (signal?.aborted) {
      save();
      await stage.session.release();
      await optimiser.release();
      return emit({ type: 'stopped', step: state.step });
    }
    if (inLastStage() && !stage.last) {
      await stage.session.release();
      stage = await openStage(config, weights, true);
    }
    const { loss, gradientNorm, learningRate } = await update(config, stage, optimiser);
    finalLoss = loss;
    window = { ...window, loss: window.loss + loss, steps: window.steps + 1 };
    const { step } = state;
    const last = step === config.steps;
    if (step % config.logEvery === 0 || last) {
      const secondsPerStep = (performance.now() - window.since) / 1000 / window.steps;
      finalLoss = window.loss / window.steps;
      emit({
        type: 'progress',
        step,
        steps: config.steps,
        tokens: step * tokensPerStep,
        tokensPerSecond: Math.round(tokensPerStep / secondsPerStep),
        loss: finalLoss,
        gradientNorm,
        learningRate,
        etaSeconds: Math.round(secondsPerStep * (config.steps - step)),
      });
      window = { loss: 0, steps: 0, since: performance.now() };
    }
    const pause = performance.now();
    if (step % config.evalEvery === 0 || last) emit({ type: 'eval', step, losses: await stage.validate() });
    if (step % config.checkpointEvery === 0 || last) save();
    window = { ...window, since: window.since + performance.now() - pause };
    await new Promise((resolve) => setImmediate(resolve)); // lets a signal handler run
  }
  await stage.session.release();
  await optimiser.release();
  emit({ type: 'done', step: state.step, folder: config.out, finalLoss, tokens: state.step * tokensPerStep });
}

/** What changes when the last stage begins: the graph's shape and where windows come from. */
interface Stage {
  readonly last: boolean;
  readonly session: TrainingSession;
  /** Batch `index`, counted over the whole run. */
  readonly read: (index: number) => TokenBatch;
  readonly validate: () => Promise<Readonly<Record<string, number>>>;
}

async function openStage(config: PretrainConfig, weights: TensorMap, last: boolean): Promise<Stage> {
  const seq = (last ? config.lastSeq : undefined) ?? config.seq;
  const shape = { batch: (config.batch * config.seq) / seq, seq };
  const session = await createTrainingSession({
    ...shape,
    config: llamaConfigOf(config),
    gradients: 'full',
    weights,
    threads: config.threads,
  });
  const file = last ? 'train-last.u16' : 'train.u16';
  const tokens = readTokenFile(join(config.data, file));
  const first = last ? (config.steps - config.lastSteps) * config.gradAccum : 0;
  const read = createWindowReader(tokens, shape, config.seed, config.gradAccum);
  return {
    last,
    session,
    read: (index) => read(index - first),
    validate: validation(config, shape, session),
  };
}

interface UpdateResult {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
}

async function update(
  config: PretrainConfig,
  { session, read }: Stage,
  { state, update: apply }: Optimiser,
): Promise<UpdateResult> {
  const first = await session.run(read(state.step * config.gradAccum));
  let loss = first.loss;
  for (let i = 1; i < config.gradAccum; i++) {
    const more = await session.run(read(state.step * config.gradAccum + i));
    loss += more.loss;
    addGradients(first.gradients, more.gradients);
  }
  if (!Number.isFinite(loss))
    throw new Error(`loss is ${loss} at step ${state.step + 1}: lower the learning rate`);
  const learningRate = learningRateAt(state.step, {
    peak: config.lr,
    warmupSteps: config.warmup,
    steps: config.steps,
    finalRatio: config.lrFinalRatio,
    fallSteps: config.lastSteps,
  });
  const gradientNorm = await apply(first.gradients, learningRate);
  return { loss, gradientNorm, learningRate };
}

/** Mean loss on each `valid-<source>.u16`. Runs the training graph and drops the gradients: rare enough. */
function validation(
  config: PretrainConfig,
  shape: { readonly batch: number; readonly seq: number },
  session: TrainingSession,
): () => Promise<Readonly<Record<string, number>>> {
  const sources = readdirSync(config.data)
    .map((file) => /^valid-(.+)\.u16$/.exec(file))
    .filter((match) => match !== null)
    .map(([file, source]) => {
      const tokens = readTokenFile(join(config.data, file));
      const batches = tokens.length > shape.seq + 1 ? evenWindows(tokens, shape, config.evalBatches) : [];
      return { source, batches };
    });
  return async () => {
    const losses: Record<string, number> = {};
    for (const { source, batches } of sources.filter((entry) => entry.batches.length > 0)) {
      losses[source] = 0;
      for (const batch of batches) losses[source] += (await session.run(batch)).loss;
    }
    return losses;
  };
}

/** config.json, model.safetensors (f32), the tokenizer's files and the recipe. */
function writeModelFolder(config: PretrainConfig, weights: TensorMap): void {
  const write = (file: string, json: unknown): void =>
    writeFileSync(join(config.out, file), `${JSON.stringify(json, null, 2)}\n`);
  write('config.json', toConfigJson(llamaConfigOf(config)));
  const { data: _, out: __, ...recipe } = config;
  write('pretrain.json', recipe);
  writeSafetensors(join(config.out, 'model.safetensors'), weights);
  for (const file of tokenizerFiles.filter((name) => existsSync(join(config.data, name)))) {
    copyFileSync(join(config.data, file), join(config.out, file));
  }
}
