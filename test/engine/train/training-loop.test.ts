// The loop that every method shares: when it ends and what it keeps, numbers that are none, checkpoints of other runs, time
// limits. On a tiny model.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { pairMethod } from '../../../engine/train/pair-method.ts';
import { dpoLoss } from '../../../engine/train/preference-loss.ts';
import { scoreSequences } from '../../../engine/train/sequence-pass.ts';
import { sftMethod } from '../../../engine/train/sft-method.ts';
import type { TrainEvent } from '../../../engine/train/train-event.ts';
import { trainingLoop } from '../../../engine/train/training-loop.ts';
import { tinyConfig } from '../graph/tiny-train-graph.ts';
import {
  answers,
  collect,
  loraLearner,
  type Make,
  pairs,
  run,
  scratch,
  scratchForEachTest,
  sft,
  train,
} from './tiny-training.ts';

scratchForEachTest();

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
    const kept = loadLoraAdapter(join(scratch.folder, 'out'), tinyConfig);
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
    expect(existsSync(join(scratch.folder, 'out', 'adapter_model.safetensors'))).toBe(false);
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
    expect(existsSync(join(scratch.folder, 'out', 'adapter_model.safetensors'))).toBe(true);
    expect(existsSync(join(scratch.folder, 'out', 'checkpoint.safetensors'))).toBe(true);
    await limited(10, emit);
    expect(of('done')[1]).toMatchObject({ endedBy: 'steps', step: 40 });
  });
});
