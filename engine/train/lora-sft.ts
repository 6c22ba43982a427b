// Supervised fine-tuning of a LoRA adapter on answers, from tokenised examples to a PEFT folder. Used by
// lora-main.ts (a child process) and tests. It knows no texts and no people: ids of examples are opaque. The
// base is frozen; the loss counts answer tokens only; order and first weights follow from the seed.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { saveLoraAdapter } from '../model/lora-adapter.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { adamWDefaults, adamWStep, createAdamWState } from './adamw.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { firstLoraWeights } from './first-weights.ts';
import { addGradients } from './gradient-sum.ts';
import type { LoraRun } from './lora-recipe.ts';
import { learningRateAt } from './lr-schedule.ts';
import { createSessionCache } from './session-cache.ts';
import { answerTokens, epochOrder, type SftBatch, type SftExample, sftBatches } from './sft-batches.ts';
import type { TrainEvent } from './train-event.ts';
import { createTrainingSession, type TrainingStep } from './training-session.ts';

interface LoraJob {
  readonly run: LoraRun;
  readonly config: LlamaConfig;
  readonly baseWeights: TensorMap;
  readonly examples: readonly SftExample[];
}

/** Graphs kept at once; about 60 MB of activations each for a base of 7 M parameters. */
const sessionsMax = 10;

/** Runs to the end, or until the signal. Goes on from `out/checkpoint.safetensors` where that exists. */
export async function trainLora(
  { run, config, baseWeights, examples }: LoraJob,
  emit: (event: TrainEvent) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { recipe } = run;
  const lora = { rank: recipe.rank, targets: recipe.targets };
  const weights = firstLoraWeights(config, lora, recipe.seed);
  const state = createAdamWState(weights);
  const adapter = {
    ...{ ...lora, alpha: recipe.alpha, scale: recipe.alpha / recipe.rank, weights },
    base: basename(resolve(run.base)), // never a path of this machine
  };
  const checkpointPath = join(run.out, 'checkpoint.safetensors');
  mkdirSync(run.out, { recursive: true });
  const identity = JSON.stringify([recipe, examples]); // another recipe or other data: another run, from the start
  readCheckpoint(checkpointPath, weights, state, identity);

  const stepsPerEpoch = Math.ceil(examples.length / recipe.batch);
  const steps = Math.max(stepsPerEpoch * recipe.epochs, recipe.stepsMin);
  const trained = sizeOf(weights);
  emit({ type: 'start', parameters: sizeOf(baseWeights) + trained, trained, step: state.step, steps });

  const allWeights = new Map([...baseWeights, ...weights]);
  const sessions = createSessionCache(sessionsMax, (batch, seq) =>
    createTrainingSession({
      ...{ config, lora, batch, seq, weights: allWeights, loraScale: adapter.scale, threads: run.threads },
      gradients: 'lora',
    }),
  );
  const runBatch = async (batch: SftBatch): Promise<TrainingStep> =>
    (await sessions.get(batch.rows, batch.seq)).run(batch);

  const losses: number[] = [];
  let tokens = 0;
  const since = { at: performance.now(), step: state.step };
  while (state.step < steps) {
    if (signal?.aborted) {
      writeCheckpoint(checkpointPath, weights, state, identity);
      await sessions.release();
      return emit({ type: 'stopped', step: state.step });
    }
    const batch = examplesOfStep(examples, state.step, stepsPerEpoch, recipe.seed);
    const [first, ...rest] = sftBatches(batch);
    const sum = await runBatch(first);
    let loss = sum.loss;
    for (const more of rest) {
      const part = await runBatch(more);
      loss += part.loss;
      addGradients(sum.gradients, part.gradients);
    }
    if (!Number.isFinite(loss))
      throw new Error(`loss is ${loss} at step ${state.step + 1}: lower the learning rate`);
    const learningRate = learningRateAt(state.step, {
      peak: recipe.lr,
      warmupSteps: Math.round(steps * recipe.warmupRatio),
      steps,
      finalRatio: recipe.lrFinalRatio,
    });
    const { beta2, weightDecay, clipNorm, adamEps: epsilon } = recipe;
    const options = { ...adamWDefaults, beta2, weightDecay, clipNorm, epsilon };
    const gradientNorm = adamWStep(weights, sum.gradients, state, learningRate, options);
    losses.push(loss);
    tokens += batch.reduce((total, example) => total + example.ids.length, 0);

    const { step } = state;
    if (step % run.logEvery === 0 || step === steps) {
      const seconds = (performance.now() - since.at) / 1000;
      emit({
        type: 'progress',
        ...{ step, steps, tokens, loss, gradientNorm, learningRate },
        tokensPerSecond: Math.round(tokens / seconds),
        etaSeconds: Math.round((seconds / (step - since.step)) * (steps - step)),
      });
    }
    if (step < steps && step % run.resumeEvery === 0) {
      writeCheckpoint(checkpointPath, weights, state, identity);
      emit({ type: 'checkpoint', step, path: checkpointPath });
    }
    if (run.checkpointEvery > 0 && step % run.checkpointEvery === 0) {
      saveLoraAdapter(join(run.out, `step-${step}`), adapter);
    }
    await new Promise((resolve) => setImmediate(resolve)); // lets a signal handler run
  }
  await sessions.release();
  saveLoraAdapter(run.out, adapter);
  const answers = examples.reduce((total, example) => total + answerTokens(example), 0);
  const report = {
    recipe,
    steps,
    examples: examples.length,
    answerTokens: answers,
    trainedTokens: tokens,
    losses,
  };
  writeFileSync(join(run.out, 'training.json'), `${JSON.stringify(report, null, 2)}\n`);
  rmSync(checkpointPath, { force: true });
  emit({ type: 'done', step: state.step, folder: run.out, finalLoss: losses.at(-1) ?? Number.NaN, tokens });
}

/** The examples of update `step`: the epoch's order cut into equal parts. */
function examplesOfStep(
  examples: readonly SftExample[],
  step: number,
  stepsPerEpoch: number,
  seed: number,
): readonly SftExample[] {
  const order = epochOrder(examples.length, seed, Math.floor(step / stepsPerEpoch));
  const part = step % stepsPerEpoch;
  const from = Math.floor((part * examples.length) / stepsPerEpoch);
  const to = Math.floor(((part + 1) * examples.length) / stepsPerEpoch);
  return Array.from(order.subarray(from, to), (index) => examples[index]);
}

function sizeOf(weights: TensorMap): number {
  return [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
}
