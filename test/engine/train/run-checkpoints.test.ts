// States of an adapter on its own way: which are kept, that they are on the way, and that stopping changes none of them.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { readRunCheckpoints } from '../../../engine/train/run-checkpoints.ts';
import type { TrainEvent } from '../../../engine/train/train-event.ts';
import { trainingLoop } from '../../../engine/train/training-loop.ts';
import { updatePlan } from '../../../engine/train/update-plan.ts';
import { tinyConfig } from '../graph/tiny-train-graph.ts';
import { collect, loraLearner, run, scratch, scratchForEachTest, sft, train } from './tiny-training.ts';

scratchForEachTest();

const out = () => join(scratch.folder, 'out');
const trainKept = async (
  count: number,
  over: Readonly<Record<string, number>> = {},
  emit: (event: TrainEvent) => void = () => undefined,
  signal?: AbortSignal,
): Promise<void> => {
  const learner = loraLearner();
  await trainingLoop({ ...run('out', over), pathStates: count }, learner, await sft(learner), emit, signal);
};
const hashes = (): readonly string[] =>
  readRunCheckpoints(out()).map(({ dir }) =>
    createHash('sha256')
      .update(readFileSync(join(dir, 'adapter_model.safetensors')))
      .digest('hex'),
  );

describe('states kept on the way', () => {
  it('of 12 updates are 4, a quarter of the learning rates apart, the finished adapter last', async () => {
    await trainKept(4);
    const states = readRunCheckpoints(out());
    expect(states).toHaveLength(4);
    expect(states[3]).toMatchObject({ dir: out(), step: 12 });
    const { recipe } = run('out');
    const plan = updatePlan(4, recipe);
    const total = Array.from({ length: 12 }, (_, step) => plan.learningRate(step)).reduce((a, b) => a + b, 0);
    expect(states.reduce((sum, { learningRateSum }) => sum + learningRateSum, 0)).toBeCloseTo(total, 12);
    for (const { learningRateSum } of states)
      expect(Math.abs(learningRateSum - total / 4)).toBeLessThan(recipe.lr);
    const distance = (a: number, b: number): number => {
      const [one, two] = [states[a], states[b]].map(({ dir }) => loadLoraAdapter(dir, tinyConfig));
      let sum = 0;
      for (const [name, { data }] of one.weights)
        data.forEach((value, i) => {
          sum += (value - two.weights.get(name)!.data[i]) ** 2;
        });
      return Math.sqrt(sum);
    };
    expect(distance(0, 3)).toBeGreaterThan(distance(1, 3));
    expect(distance(1, 3)).toBeGreaterThan(distance(2, 3));
    expect(distance(2, 3)).toBeGreaterThan(0);
  });

  it('are the same to the byte when the run is stopped half-way and goes on', async () => {
    await trainKept(4);
    const whole = hashes();
    rmSync(out(), { recursive: true });
    const stop = new AbortController();
    const { emit, of } = collect();
    await trainKept(
      4,
      {},
      (event) => {
        emit(event);
        if (event.type === 'progress' && event.step === 7) stop.abort();
      },
      stop.signal,
    );
    expect(of('stopped')[0].step).toBe(7);
    await trainKept(4);
    expect(hashes()).toEqual(whole);
  });

  it('end with the weights that early stopping kept: later ones are neither listed nor on disk', async () => {
    await trainKept(200, { stepsMin: 200, evalEvery: 2, patience: 2, lr: 0.02 });
    const record = JSON.parse(readFileSync(join(out(), 'training.json'), 'utf8'));
    expect(record.endedBy).toBe('early');
    const states = readRunCheckpoints(out());
    expect(states.at(-1)).toMatchObject({ dir: out(), step: record.keptStep });
    expect(states.length).toBeGreaterThan(1);
    expect(
      readdirSync(join(out(), 'checkpoints'))
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(states.slice(0, -1).map(({ step }) => step));
  });

  it('of another run in the same folder go, and a run that keeps none lists none', async () => {
    await trainKept(4);
    await train('out', loraLearner(), sft, { seed: 6 });
    expect(existsSync(join(out(), 'checkpoints'))).toBe(false);
    expect(readRunCheckpoints(out())).toEqual([]);
    expect(readRunCheckpoints(join(scratch.folder, 'none'))).toEqual([]);
  });

  it('that the record names and the folder lacks are a fault', async () => {
    await trainKept(4);
    rmSync(join(out(), 'checkpoints'), { recursive: true });
    expect(() => readRunCheckpoints(out())).toThrow(
      expect.objectContaining({ code: 'checkpoints_malformed' }),
    );
  });
});
