// A tiny model, a few answers, pairs and thumbs, and every method over them: what the tests of methods and of the loop
// train. Whoever uses it calls scratchForEachTest() first.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { firstLlamaWeights } from '../../../engine/train/first-weights.ts';
import { createFullLearner } from '../../../engine/train/full-learner.ts';
import { ktoMethod } from '../../../engine/train/kto-method.ts';
import type { Learner } from '../../../engine/train/learner.ts';
import { createLoraLearner } from '../../../engine/train/lora-learner.ts';
import { pairMethod } from '../../../engine/train/pair-method.ts';
import type { PreferenceExample, RatedExample } from '../../../engine/train/preference-data.ts';
import { dpoLoss, orpoLoss } from '../../../engine/train/preference-loss.ts';
import { createRewardLearner } from '../../../engine/train/reward-learner.ts';
import { rewardMethod } from '../../../engine/train/reward-method.ts';
import type { SftExample } from '../../../engine/train/sft-example.ts';
import { sftMethod } from '../../../engine/train/sft-method.ts';
import type { TrainEvent } from '../../../engine/train/train-event.ts';
import { recipeSchema } from '../../../engine/train/train-recipe.ts';
import { trainingLoop } from '../../../engine/train/training-loop.ts';
import type { TrainingMethod } from '../../../engine/train/training-method.ts';
import { allLora, tinyConfig } from '../graph/tiny-train-graph.ts';

/** Where runs write. */
export const scratch = { folder: '' };

/** A new folder before each test of the file, gone after it. */
export function scratchForEachTest(): void {
  beforeEach(() => {
    scratch.folder = mkdtempSync(join(tmpdir(), 'training-'));
  });
  afterEach(() => rmSync(scratch.folder, { recursive: true, force: true }));
}

export const baseWeights = firstLlamaWeights(tinyConfig, 3);
export const lora = { ...allLora, alpha: 6, dropout: 0 };
export const compute = { threads: 1, device: 'cpu', execution: 'whole', sessionsMax: 4 } as const;
export const loraLearner = (dropout = 0): Learner =>
  createLoraLearner({
    ...{ config: tinyConfig, baseWeights, base: 'tiny', seed: 1, compute },
    lora: { ...lora, dropout },
  });
export const fullLearner = (): Learner =>
  createFullLearner({ config: tinyConfig, baseWeights, base: scratch.folder, compute });

/** Two answers, of 3 and 2 tokens, to a question of 3. */
const pair = (i: number): PreferenceExample => ({
  id: `pair ${i}`,
  chosen: { id: `pair ${i}`, ids: [1, 2 + i, 9, 20 - i, 5, 0], answerStart: 3 },
  rejected: { id: `pair ${i}`, ids: [1, 2 + i, 9, 3 + i, 0], answerStart: 3 },
});
export const pairs = Array.from({ length: 6 }, (_, i) => pair(i));
export const answers: readonly SftExample[] = pairs.map(({ chosen }) => chosen);
export const ratings: readonly RatedExample[] = pairs.flatMap(({ chosen, rejected }, i) => [
  { ...chosen, id: `good ${i}`, good: true },
  ...(i < 2 ? [{ ...rejected, id: `bad ${i}`, good: false }] : []),
]);

export type Make = (learner: Learner) => Promise<TrainingMethod>;
export const dpo: Make = (learner) =>
  pairMethod({
    ...{ learner, pairs: pairs.slice(0, 4), heldOut: pairs.slice(4), heldOutAnswers: answers },
    ...{ needsReference: true, sftWeight: 0, answersRiseMax: 10 },
    lossOf: (policy, reference) => dpoLoss(policy, reference, { beta: 0.5, smoothing: 0.1 }),
  });
export const orpo: Make = (learner) =>
  pairMethod({
    ...{ learner, pairs, needsReference: false, sftWeight: 0, answersRiseMax: 10 },
    lossOf: (policy, _, lengths) => orpoLoss(policy, lengths, { lambda: 0.3 }),
  });
export const kto: Make = (learner) =>
  ktoMethod({
    ...{ learner, ratings, heldOut: ratings.slice(0, 3), beta: 0.5, maxTokens: 32, seed: 4 },
    ...{ desirableWeight: 0, undesirableWeight: 0, answersRiseMax: 10 },
  });
export const sft: Make = async (learner) => sftMethod(learner, answers.slice(0, 4), answers.slice(4));

export const reward = (pairsOf: readonly PreferenceExample[] = pairs) => {
  const learner = createRewardLearner({
    ...{ config: tinyConfig, baseWeights, base: 'tiny', seed: 1, compute, lora },
  });
  const method = rewardMethod({
    learner,
    pairs: pairsOf,
    heldOut: pairs.slice(0, 2),
    margin: 0,
    centring: 0.01,
  });
  return { learner, method };
};

const recipe = (over: Readonly<Record<string, number>> = {}) =>
  recipeSchema('full').parse({
    ...{ lr: 0.01, epochs: 1, stepsMin: 12, batch: 3, evalEvery: 4, patience: 0, weightDecay: 0, seed: 5 },
    ...over,
  });
export const run = (out: string, over: Readonly<Record<string, number>> = {}) => ({
  ...{ out: join(scratch.folder, out), recipe: recipe(over), record: { ...recipe(over) } },
  ...{ logEvery: 1, checkpointEvery: 0, resumeEvery: 1000 },
});

export const collect = () => {
  const events: TrainEvent[] = [];
  const of = <T extends TrainEvent['type']>(type: T) =>
    events.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type);
  return { of, emit: (event: TrainEvent) => void events.push(event) };
};

export const train = async (
  out: string,
  learner: Learner,
  make: Make,
  over: Readonly<Record<string, number>> = {},
  emit: (event: TrainEvent) => void = () => {},
  signal?: AbortSignal,
) => trainingLoop(run(out, over), learner, await make(learner), emit, signal);
