// Every training method on a tiny model: what it learns shows in its own figures, a killed run resumes to the bit, and
// what it may not touch stays. Losses themselves: preference-loss.test.ts. Data files and entries: train-run.test.ts.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { ktoMethod } from '../../../engine/train/kto-method.ts';
import { createLoraLearner } from '../../../engine/train/lora-learner.ts';
import { packedBatches } from '../../../engine/train/packed-batches.ts';
import { createRewardLearner } from '../../../engine/train/reward-learner.ts';
import { rewardsOf } from '../../../engine/train/reward-method.ts';
import { loadRewardModel } from '../../../engine/train/reward-model.ts';
import { scoreSequences } from '../../../engine/train/sequence-pass.ts';
import { sftMethod } from '../../../engine/train/sft-method.ts';
import type { TrainEvent } from '../../../engine/train/train-event.ts';
import { trainingLoop } from '../../../engine/train/training-loop.ts';
import { createTrainingSession } from '../../../engine/train/training-session.ts';
import { allLora, tinyConfig } from '../graph/tiny-train-graph.ts';
import {
  answers,
  baseWeights,
  collect,
  compute,
  dpo,
  fullLearner,
  kto,
  lora,
  loraLearner,
  orpo,
  pairs,
  ratings,
  reward,
  run,
  scratch,
  scratchForEachTest,
  sft,
  train,
} from './tiny-training.ts';

scratchForEachTest();

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
    const weights = existsSync(join(scratch.folder, 'straight', 'model.safetensors'))
      ? 'model.safetensors'
      : 'adapter_model.safetensors';
    for (const file of [weights, 'training.json']) {
      const bytes = (out: string) => readFileSync(join(scratch.folder, out, file));
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
    const settings = JSON.parse(readFileSync(join(scratch.folder, 'out', 'adapter_config.json'), 'utf8'));
    expect(settings).toMatchObject({ task_type: 'SEQ_CLS', modules_to_save: ['score'] });
    expect(() => loadLoraAdapter(join(scratch.folder, 'out'), tinyConfig)).toThrow(/modules_to_save/);
  });

  it('read back from its scratch.folder scores as it did when it was saved; a chat adapter is refused', async () => {
    const { learner, method } = reward();
    await trainingLoop(run('out', { stepsMin: 10 }), learner, await method, () => {});
    const sequences = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
    const { adapter, head } = loadRewardModel(join(scratch.folder, 'out'), tinyConfig);
    const again = createRewardLearner({
      ...{ config: tinyConfig, baseWeights, base: 'tiny', seed: 9, compute, start: adapter, head },
      lora: { ...adapter, dropout: 0 },
    });
    expect(await rewardsOf(again, sequences)).toEqual(await rewardsOf(learner, sequences));
    await again.release();
    await learner.release();
    await train('chat', loraLearner(), sft, { stepsMin: 1 });
    expect(() => loadRewardModel(join(scratch.folder, 'chat'), tinyConfig)).toThrow(
      /no reward model.*SEQ_CLS/,
    );
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
    const bytes = (out: string) => readFileSync(join(scratch.folder, out, 'adapter_model.safetensors'));
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
    const start = loadLoraAdapter(join(scratch.folder, 'first'), tinyConfig);
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

  it('leave the denominator as it was where they say what they count: without c the loss is that of a and b over all three', async () => {
    const learner = loraLearner();
    const [a, b, c] = answers;
    const lossOf = async (examples: Parameters<typeof sftMethod>[1]) =>
      (await (await sftMethod(learner, examples)).update([...examples.keys()], 0)).loss;
    const tokens = (example: (typeof answers)[number]): number => example.ids.length - example.answerStart;
    const whole = tokens(a) + tokens(b) + tokens(c);
    const kept = await lossOf([a, b]);
    const without = await lossOf([a, b, { ...c, weight: 0, countedAs: 1 }]);
    expect(without).toBeCloseTo((kept * (tokens(a) + tokens(b))) / whole, 5);
    const none = [a, b, c].map((each) => ({ ...each, weight: 0, countedAs: 1 }));
    expect(await lossOf(none)).toBe(0);
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
    const bytes = (out: string) => readFileSync(join(scratch.folder, out, 'adapter_model.safetensors'));
    expect(bytes('one').equals(bytes('two'))).toBe(true);
  });
});
