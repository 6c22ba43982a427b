// Every training method on a tiny model: what it learns shows in its own figures, a killed run resumes to the bit, and
// what it may not touch stays. Losses themselves: preference-loss.test.ts. Data files and entries: train-run.test.ts.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { firstLlamaWeights } from '../../../engine/train/first-weights.ts';
import { createFullLearner } from '../../../engine/train/full-learner.ts';
import { ktoMethod } from '../../../engine/train/kto-method.ts';
import type { Learner } from '../../../engine/train/learner.ts';
import { createLoraLearner } from '../../../engine/train/lora-learner.ts';
import { packedBatches } from '../../../engine/train/packed-batches.ts';
import { pairMethod } from '../../../engine/train/pair-method.ts';
import type { PreferenceExample, RatedExample } from '../../../engine/train/preference-data.ts';
import { dpoLoss, orpoLoss } from '../../../engine/train/preference-loss.ts';
import { createRewardLearner } from '../../../engine/train/reward-learner.ts';
import { rewardMethod, rewardsOf } from '../../../engine/train/reward-method.ts';
import { loadRewardModel } from '../../../engine/train/reward-model.ts';
import { scoreSequences } from '../../../engine/train/sequence-pass.ts';
import type { SftExample } from '../../../engine/train/sft-example.ts';
import { sftMethod } from '../../../engine/train/sft-method.ts';
import type { TrainEvent } from '../../../engine/train/train-event.ts';
import { recipeSchema } from '../../../engine/train/train-recipe.ts';
import { trainingLoop } from '../../../engine/train/training-loop.ts';
import type { TrainingMethod } from '../../../engine/train/training-method.ts';
import { createTrainingSession } from '../../../engine/train/training-session.ts';
import { allLora, tinyConfig } from '../graph/tiny-train-graph.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'methods-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const baseWeights = firstLlamaWeights(tinyConfig, 3);
const lora = { ...allLora, alpha: 6, dropout: 0 };
const compute = { threads: 1, device: 'cpu', execution: 'whole', sessionsMax: 4 } as const;
const loraLearner = (dropout = 0): Learner =>
  createLoraLearner({
    ...{ config: tinyConfig, baseWeights, base: 'tiny', seed: 1, compute },
    lora: { ...lora, dropout },
  });
const fullLearner = (): Learner =>
  createFullLearner({ config: tinyConfig, baseWeights, base: folder, compute });

/** Two answers, of 3 and 2 tokens, to a question of 3. */
const pair = (i: number): PreferenceExample => ({
  id: `pair ${i}`,
  chosen: { id: `pair ${i}`, ids: [1, 2 + i, 9, 20 - i, 5, 0], answerStart: 3 },
  rejected: { id: `pair ${i}`, ids: [1, 2 + i, 9, 3 + i, 0], answerStart: 3 },
});
const pairs = Array.from({ length: 6 }, (_, i) => pair(i));
const answers: readonly SftExample[] = pairs.map(({ chosen }) => chosen);
const ratings: readonly RatedExample[] = pairs.flatMap(({ chosen, rejected }, i) => [
  { ...chosen, id: `good ${i}`, good: true },
  ...(i < 2 ? [{ ...rejected, id: `bad ${i}`, good: false }] : []),
]);

type Make = (learner: Learner) => Promise<TrainingMethod>;
const dpo: Make = (learner) =>
  pairMethod({
    ...{ learner, pairs: pairs.slice(0, 4), heldOut: pairs.slice(4), heldOutAnswers: answers },
    ...{ needsReference: true, sftWeight: 0, answersRiseMax: 10 },
    lossOf: (policy, reference) => dpoLoss(policy, reference, { beta: 0.5, smoothing: 0.1 }),
  });
const orpo: Make = (learner) =>
  pairMethod({
    ...{ learner, pairs, needsReference: false, sftWeight: 0, answersRiseMax: 10 },
    lossOf: (policy, _, lengths) => orpoLoss(policy, lengths, { lambda: 0.3 }),
  });
const kto: Make = (learner) =>
  ktoMethod({
    ...{ learner, ratings, heldOut: ratings.slice(0, 3), beta: 0.5, maxTokens: 32, seed: 4 },
    ...{ desirableWeight: 0, undesirableWeight: 0, answersRiseMax: 10 },
  });
const sft: Make = async (learner) => sftMethod(learner, answers.slice(0, 4), answers.slice(4));

const reward = (pairsOf: readonly PreferenceExample[] = pairs) => {
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
const run = (out: string, over: Readonly<Record<string, number>> = {}) => ({
  ...{ out: join(folder, out), recipe: recipe(over), record: { ...recipe(over) } },
  ...{ logEvery: 1, checkpointEvery: 0, resumeEvery: 1000 },
});

const collect = () => {
  const events: TrainEvent[] = [];
  const of = <T extends TrainEvent['type']>(type: T) =>
    events.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type);
  return { of, emit: (event: TrainEvent) => void events.push(event) };
};

const train = async (
  out: string,
  learner: Learner,
  make: Make,
  over: Readonly<Record<string, number>> = {},
  emit: (event: TrainEvent) => void = () => {},
  signal?: AbortSignal,
) => trainingLoop(run(out, over), learner, await make(learner), emit, signal);

describe('an update of DPO', () => {
  it('has the gradient of central differences of the loss, by 4 weights of the adapter', async () => {
    const learner = loraLearner();
    const method = await dpo(learner);
    const noise = [...learner.trained.values()].find(({ data }) => data.every((value) => value === 0))!;
    noise.data.fill(0.05); // B = 0 would leave A without gradient
    const { gradients } = await method.update([0, 1, 2], 0);
    for (const [name, at] of [
      ['model.layers.0.self_attn.q_proj.lora_A.weight', 3],
      ['model.layers.0.self_attn.q_proj.lora_B.weight', 7],
      ['model.layers.1.mlp.down_proj.lora_B.weight', 2],
      ['model.layers.1.self_attn.v_proj.lora_B.weight', 0],
    ] as const) {
      const { data } = learner.trained.get(name)!;
      const before = data[at];
      const lossAt = async (value: number) => {
        data[at] = value;
        const { loss } = await method.update([0, 1, 2], 0);
        data[at] = before;
        return loss;
      };
      const step = 0.01;
      const slope = ((await lossAt(before + step)) - (await lossAt(before - step))) / (2 * step);
      expect(gradients.get(name)![at]).toBeCloseTo(slope, 4);
    }
    await learner.release();
  });

  it('takes the adapter switched off as reference: margin 0 and loss of h = 0 before the first update', async () => {
    const learner = loraLearner();
    const { loss, metrics } = await (await dpo(learner)).update([0, 1, 2, 3], 0);
    expect(loss).toBeCloseTo(Math.LN2, 6);
    expect(metrics[2]).toBeCloseTo(0, 6);
    await learner.release();
  });
});

describe.each([
  ['sft on an adapter', () => loraLearner(), sft, undefined],
  ['sft with dropout', () => loraLearner(0.2), sft, undefined],
  ['full fine-tuning', fullLearner, sft, undefined],
  ['dpo', () => loraLearner(), dpo, 'rewards/margin'],
  ['dpo with dropout', () => loraLearner(0.2), dpo, 'rewards/margin'],
  ['orpo', () => loraLearner(), orpo, 'rewards/margin'],
  ['kto', () => loraLearner(), kto, 'rewards/margin'],
] as const)('%s', (_, learner, make, rises) => {
  it('lowers its loss in 30 updates', async () => {
    const { of, emit } = collect();
    await train('out', learner(), make, { stepsMin: 30 }, emit);
    const progress = of('progress');
    expect(progress.at(-1)!.loss).toBeLessThan(progress[0].loss);
    if (rises === undefined) return;
    const last = progress.at(-1)!.metrics!;
    expect(last[rises]).toBeGreaterThan(progress[0].metrics![rises]);
  });

  it('ends with the same files to the bit when it was stopped at 5 and at 6 of 12 updates', async () => {
    await train('straight', learner(), make, { patience: 2 });
    const { of, emit } = collect();
    for (const stopAt of [5, 6]) {
      const stop = new AbortController();
      const stopping = (event: TrainEvent) => {
        emit(event);
        if (event.type === 'progress' && event.step === stopAt) stop.abort();
      };
      await train('broken', learner(), make, { patience: 2 }, stopping, stop.signal);
    }
    await train('broken', learner(), make, { patience: 2 }, emit);
    expect(of('stopped').map(({ step }) => step)).toEqual([5, 6]);
    expect(of('start').map(({ step }) => step)).toEqual([0, 5, 6]);
    const weights = existsSync(join(folder, 'straight', 'model.safetensors'))
      ? 'model.safetensors'
      : 'adapter_model.safetensors';
    for (const file of [weights, 'training.json']) {
      const bytes = (out: string) => readFileSync(join(folder, out, file));
      expect(bytes('broken').equals(bytes('straight')), file).toBe(true);
    }
  });
});

it('the base is untouched by full fine-tuning', async () => {
  const before = [...baseWeights.values()].map(({ data }) => data.slice());
  await train('out', fullLearner(), sft);
  expect([...baseWeights.values()].map(({ data }) => data)).toEqual(before);
});

describe('a reward model', () => {
  it('learns which of two answers is better: accuracy 1 and a margin above 1 in 30 updates', async () => {
    const { of, emit } = collect();
    const { learner, method } = reward();
    await trainingLoop(run('out', { stepsMin: 30 }), learner, await method, emit);
    const { metrics, finalLoss } = of('done')[0];
    expect(metrics!['rewards/accuracy']).toBe(1);
    expect(metrics!['rewards/margin']).toBeGreaterThan(1);
    expect(finalLoss).toBeLessThan(0.4);
    const settings = JSON.parse(readFileSync(join(folder, 'out', 'adapter_config.json'), 'utf8'));
    expect(settings).toMatchObject({ task_type: 'SEQ_CLS', modules_to_save: ['score'] });
    expect(() => loadLoraAdapter(join(folder, 'out'), tinyConfig)).toThrow(/modules_to_save/);
  });

  it('read back from its folder scores as it did when it was saved; a chat adapter is refused', async () => {
    const { learner, method } = reward();
    await trainingLoop(run('out', { stepsMin: 10 }), learner, await method, () => {});
    const sequences = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
    const { adapter, head } = loadRewardModel(join(folder, 'out'), tinyConfig);
    const again = createRewardLearner({
      ...{ config: tinyConfig, baseWeights, base: 'tiny', seed: 9, compute, start: adapter, head },
      lora: { ...adapter, dropout: 0 },
    });
    expect(await rewardsOf(again, sequences)).toEqual(await rewardsOf(learner, sequences));
    await again.release();
    await learner.release();
    await train('chat', loraLearner(), sft, { stepsMin: 1 });
    expect(() => loadRewardModel(join(folder, 'chat'), tinyConfig)).toThrow(/no reward model.*SEQ_CLS/);
  });

  it('resumes to the bit', async () => {
    const go = async (name: string, emit: (event: TrainEvent) => void, signal?: AbortSignal) => {
      const { learner, method } = reward();
      await trainingLoop(run(name), learner, await method, emit, signal);
    };
    await go('straight', () => {});
    const stop = new AbortController();
    await go('broken', (event) => event.type === 'progress' && event.step === 5 && stop.abort(), stop.signal);
    await go('broken', () => {});
    const bytes = (out: string) => readFileSync(join(folder, out, 'adapter_model.safetensors'));
    expect(bytes('broken').equals(bytes('straight'))).toBe(true);
  });
});

describe('the reference of DPO', () => {
  it('is the base: scores of a fresh adapter equal those with the adapter switched off, to the bit', async () => {
    const fresh = loraLearner();
    const sequences = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
    const before = await scoreSequences(fresh, sequences);
    const [batch] = packedBatches(sequences);
    const session = await createTrainingSession({
      ...{ config: tinyConfig, lora: allLora, batch: batch.rows, seq: batch.seq, gradients: 'none' },
      ...{ weights: new Map([...baseWeights, ...fresh.trained]), packed: true },
    });
    const off = await session.run({ ...batch, weights: new Float32Array(batch.ids.length) }, 0);
    for (const { index, start, count } of batch.members) {
      let sum = 0;
      for (let i = start; i < start + count; i++) sum -= off.nll[i];
      expect(before[index]).toBe(sum);
    }
    await session.release();
    await fresh.release();
  });

  it('is the adapter it starts from: margin 0 again although that adapter prefers the chosen answers', async () => {
    await train('first', loraLearner(), dpo, { stepsMin: 20 });
    const start = loadLoraAdapter(join(folder, 'first'), tinyConfig);
    const learner = createLoraLearner({
      ...{ config: tinyConfig, baseWeights, base: 'tiny', seed: 9, compute, lora, start },
    });
    const { loss, metrics } = await (await dpo(learner)).update([0, 1, 2, 3], 0);
    expect(loss).toBeCloseTo(Math.LN2, 5);
    expect(metrics[2]).toBeCloseTo(0, 5);
    expect(metrics[4] - metrics[5]).toBeGreaterThan(2); // its own log-probabilities are far apart
    await learner.release();
  });
});

describe('weights of examples', () => {
  it('of 2 count an answer as if it were there twice, of 0 as if it were not there', async () => {
    const learner = loraLearner();
    const lossOf = async (examples: Parameters<typeof sftMethod>[1]) => {
      const { loss, gradients } = await (await sftMethod(learner, examples)).update(
        examples.map((_, i) => i),
        0,
      );
      return { loss, b: gradients.get('model.layers.0.mlp.up_proj.lora_B.weight')! };
    };
    const [a, b, c] = answers;
    const weighted = await lossOf([{ ...a, weight: 2 }, b, { ...c, weight: 0 }]);
    const plain = await lossOf([a, a, b]);
    expect(weighted.loss).toBeCloseTo(plain.loss, 5);
    weighted.b.forEach((value, i) => {
      expect(value).toBeCloseTo(plain.b[i], 5);
    });
    await learner.release();
  });
});

describe('KTO with thumbs', () => {
  it('counts each log-ratio against mismatched answers: kl rises from 0 and is never below', async () => {
    const { of, emit } = collect();
    await train('out', loraLearner(), kto, { stepsMin: 30 }, emit);
    const kl = of('progress').map(({ metrics }) => metrics!.kl);
    expect(kl[0]).toBeCloseTo(0, 5);
    expect(Math.min(...kl)).toBeGreaterThanOrEqual(0);
  });
});

describe('weights of thumbs', () => {
  it('given for one side keep the balance with the other: 6 good and 2 bad give 1 to 2.25, and 2 to 4.5', async () => {
    const learner = loraLearner();
    const lossOf = async (desirableWeight: number, undesirableWeight: number) => {
      const options = { learner, ratings, beta: 0.5, maxTokens: 32, seed: 4, answersRiseMax: 1 };
      const method = await ktoMethod({ ...options, desirableWeight, undesirableWeight });
      return (await method.update([0, 1, 2, 3, 4, 5, 6, 7], 0)).loss;
    };
    // Before the first update every thumb costs half its weight.
    expect(await lossOf(0, 0)).toBeCloseTo((6 + 2 * 2.25) / 16, 5);
    expect(await lossOf(2, 0)).toBeCloseTo((6 * 2 + 2 * 4.5) / 16, 5);
    expect(await lossOf(0, 4.5)).toBeCloseTo((6 * 2 + 2 * 4.5) / 16, 5);
    expect(await lossOf(1, 1)).toBeCloseTo(0.5, 5);
    await learner.release();
  });
});

describe('gradient accumulation', () => {
  it('of 2 batches of 2 gives the weights of one batch of 4, to the bit', async () => {
    await train('one', loraLearner(), sft, { batch: 4, accumulate: 1 });
    await train('two', loraLearner(), sft, { batch: 2, accumulate: 2 });
    const bytes = (out: string) => readFileSync(join(folder, out, 'adapter_model.safetensors'));
    expect(bytes('one').equals(bytes('two'))).toBe(true);
  });
});

describe('early stopping', () => {
  it('ends after 2 looks without a lower held-out loss and keeps the best weights', async () => {
    const { of, emit } = collect();
    const learner = loraLearner();
    const make: Make = async (using) => sftMethod(using, answers.slice(0, 3), answers.slice(3));
    await train('out', learner, make, { stepsMin: 400, evalEvery: 2, patience: 2, lr: 0.05 }, emit);
    const [done] = of('done');
    expect(done.endedBy).toBe('early');
    expect(done.step).toBeLessThan(400);
    const heldOut = of('eval').map(({ losses }) => losses['held-out']);
    expect(done.heldOutLoss).toBeCloseTo(Math.min(...heldOut), 5);
    const again = loraLearner();
    for (const [name, { data }] of learner.trained) again.trained.get(name)!.data.set(data);
    const sequences = answers.slice(3);
    const tokens = sequences.reduce((sum, { ids, answerStart }) => sum + ids.length - answerStart, 0);
    const logps = await scoreSequences(again, sequences);
    expect(-logps.reduce((sum, logp) => sum + logp, 0) / tokens).toBeCloseTo(Math.min(...heldOut), 4);
    await again.release();
  });
});

describe('watched answers', () => {
  it('whose loss rises by more than 1 % end the run of DPO with the weights before', async () => {
    const { of, emit } = collect();
    const learner = loraLearner();
    const method = await pairMethod({
      // What is rejected is watched: it has to get less likely.
      ...{ learner, pairs, heldOutAnswers: pairs.map(({ rejected }) => rejected) },
      ...{ needsReference: true, sftWeight: 0, answersRiseMax: 0.01 },
      lossOf: (policy, reference) => dpoLoss(policy, reference, { beta: 0.5, smoothing: 0 }),
    });
    await trainingLoop(run('out', { stepsMin: 60, evalEvery: 1 }), learner, method, emit);
    const [done] = of('done');
    expect(done.endedBy).toBe('early');
    const losses = of('eval').map(({ losses }) => losses['answers/loss']);
    const before = method.heldOut!.before.metrics['answers/loss'];
    expect(losses.at(-1)!).toBeGreaterThan(1.01 * before);
    expect(done.heldOutLoss).toBeLessThanOrEqual(1.01 * before);
    const kept = loadLoraAdapter(join(folder, 'out'), tinyConfig);
    for (const [name, { data }] of kept.weights) expect(data).toEqual(learner.trained.get(name)!.data);
  });
});

describe('a run', () => {
  it('stops at a loss that is no number, names the row and keeps the checkpoint before it', async () => {
    const learner = loraLearner();
    const broken: Make = async (using) => {
      const method = await sft(using);
      return {
        ...method,
        update: async (items, step) => {
          const update = await method.update(items, step);
          return step < 7 ? update : { ...update, loss: Number.NaN, broken: [method.ids[items[0]]] };
        },
      };
    };
    const run7 = trainingLoop({ ...run('out'), resumeEvery: 5 }, learner, await broken(learner), () => {});
    await expect(run7).rejects.toMatchObject({ code: 'training_diverged', retry: 'never' });
    await expect(run7).rejects.toThrow(/loss is NaN at update 8 \(rows pair \d\)/);
    const { of, emit } = collect();
    await train('out', loraLearner(), sft, {}, emit);
    expect(of('start')[0].step).toBe(5);
  });

  it('does not go on from a checkpoint of other data or of another base, and says so', async () => {
    const stop = new AbortController();
    await train('out', loraLearner(), sft, {}, () => stop.abort(), stop.signal);
    const { of, emit } = collect();
    const other: Make = async (using) => sftMethod(using, answers.slice(1));
    await train('out', loraLearner(), other, { stepsMin: 2 }, emit);
    expect(of('start')[0].step).toBe(0);
    expect(of('note')[0].text).toMatch(/of another run/);
  });

  it('of one update at a rate of 1e38 is not saved as finished: its weights give no number', async () => {
    const learner = loraLearner();
    const alone: Make = async (using) => sftMethod(using, answers);
    const over = { stepsMin: 1, batch: 6, lr: 1e38, warmupRatio: 0 };
    const ended = train('out', learner, alone, over);
    await expect(ended).rejects.toMatchObject({ code: 'training_diverged' });
    await expect(ended).rejects.toThrow(/loss is (NaN|-?Infinity) with the weights of update 1/);
    expect(existsSync(join(folder, 'out', 'adapter_model.safetensors'))).toBe(false);
  });

  it('whose held-out loss is no number stops there, before anyone compares with it', async () => {
    const over = { stepsMin: 9, evalEvery: 1, lr: 1e38, warmupRatio: 0, clipNorm: 0 };
    const { of, emit } = collect();
    await expect(train('out', loraLearner(), sft, over, emit)).rejects.toThrow(
      /loss is (NaN|-?Infinity) with the weights of update 1/,
    );
    expect(of('eval')).toEqual([]);
  });

  it('ends at its time limit with an adapter, a checkpoint and the reason; more time goes on from there', async () => {
    const limited = async (minutes: number, emit: (event: TrainEvent) => void) => {
      const learner = loraLearner();
      await trainingLoop({ ...run('out', { stepsMin: 40 }), minutes }, learner, await sft(learner), emit);
    };
    const { of, emit } = collect();
    await limited(1e-9, emit);
    expect(of('done')[0]).toMatchObject({ endedBy: 'minutes', step: 1 }); // never without an update
    expect(existsSync(join(folder, 'out', 'adapter_model.safetensors'))).toBe(true);
    expect(existsSync(join(folder, 'out', 'checkpoint.safetensors'))).toBe(true);
    await limited(10, emit);
    expect(of('done')[1]).toMatchObject({ endedBy: 'steps', step: 40 });
  });
});
