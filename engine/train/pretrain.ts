// Pre-training of a base model from token files to a Hugging Face folder. Used by pretrain-main.ts (a child
// process) and tests. It knows no corpus: tokens come as files. One loop: accumulate gradients, clip, AdamW;
// now and then validate and checkpoint. Stopping (signal) happens between updates and keeps a checkpoint.
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toConfigJson } from '../model/model-config.ts';
import { type TensorMap, writeSafetensors } from '../model/safetensors.ts';
import { type AdamWState, adamWDefaults, adamWStep, createAdamWState } from './adamw.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { firstLlamaWeights } from './first-weights.ts';
import { addGradients } from './gradient-sum.ts';
import { learningRateAt } from './lr-schedule.ts';
import { llamaConfigOf, type PretrainConfig } from './pretrain-config.ts';
import { createWindowReader, evenWindows, readTokenFile } from './token-windows.ts';
import type { TrainEvent } from './train-event.ts';
import { createTrainingSession, type TokenBatch, type TrainingSession } from './training-session.ts';

const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'];

/** Runs to the end, or until the signal. Starts from `out/checkpoint.safetensors` where that exists. */
export async function pretrain(
  config: PretrainConfig,
  emit: (event: TrainEvent) => void,
  signal?: AbortSignal,
): Promise<void> {
  mkdirSync(config.out, { recursive: true });
  const checkpointPath = join(config.out, 'checkpoint.safetensors');
  const llama = llamaConfigOf(config);
  const weights = firstLlamaWeights(llama, config.seed);
  const state = createAdamWState(weights);
  readCheckpoint(checkpointPath, weights, state);
  const parameters = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  emit({ type: 'start', parameters, trained: parameters, step: state.step, steps: config.steps });

  const shape = { batch: config.batch, seq: config.seq };
  const session = await createTrainingSession({
    ...shape,
    config: llama,
    gradients: 'full',
    weights,
    threads: config.threads,
  });
  const read = createWindowReader(
    readTokenFile(join(config.data, 'train.u16')),
    shape,
    config.seed,
    config.gradAccum,
  );
  const validate = validation(config, session);
  const save = (): void => {
    writeCheckpoint(checkpointPath, weights, state);
    writeModelFolder(config, weights); // the model so far can be served at any time
    emit({ type: 'checkpoint', step: state.step, path: checkpointPath });
  };

  const tokensPerStep = config.batch * config.seq * config.gradAccum;
  let window = { loss: 0, steps: 0, since: performance.now() };
  let finalLoss = Number.NaN;
  while (state.step < config.steps) {
    if (signal?.aborted) {
      save();
      await session.release();
      return emit({ type: 'stopped', step: state.step });
    }
    const { loss, gradientNorm, learningRate } = await update(config, session, weights, state, read);
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
    if (step % config.evalEvery === 0 || last) emit({ type: 'eval', step, losses: await validate() });
    if (step % config.checkpointEvery === 0 || last) save();
    window = { ...window, since: window.since + performance.now() - pause };
    await new Promise((resolve) => setImmediate(resolve)); // lets a signal handler run
  }
  await session.release();
  emit({ type: 'done', step: state.step, folder: config.out, finalLoss, tokens: state.step * tokensPerStep });
}

interface UpdateResult {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
}

async function update(
  config: PretrainConfig,
  session: TrainingSession,
  weights: TensorMap,
  state: AdamWState,
  read: (index: number) => TokenBatch,
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
  });
  const { beta2, weightDecay, clipNorm } = config;
  const options = { ...adamWDefaults, beta2, weightDecay, clipNorm };
  const gradientNorm = adamWStep(weights, first.gradients, state, learningRate, options);
  return { loss, gradientNorm, learningRate };
}

/** Mean loss on each `valid-<source>.u16`. Runs the training graph and drops the gradients: rare enough. */
function validation(
  config: PretrainConfig,
  session: TrainingSession,
): () => Promise<Readonly<Record<string, number>>> {
  const sources = readdirSync(config.data)
    .map((file) => /^valid-(.+)\.u16$/.exec(file))
    .filter((match) => match !== null)
    .map(([file, source]) => {
      const tokens = readTokenFile(join(config.data, file));
      const batches = tokens.length > config.seq + 1 ? evenWindows(tokens, config, config.evalBatches) : [];
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
