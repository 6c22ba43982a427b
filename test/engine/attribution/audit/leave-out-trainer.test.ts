// Retraining with weights, on the tiny base: with all weights it is the product's own training, to the bit; left out is left
// out; what a run gives does not depend on the runs before it, nor on the processes they are spread over.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leaveOutInChildren } from '../../../../engine/attribution/audit/leave-out-process.ts';
import { leaveOutRuns } from '../../../../engine/attribution/audit/leave-out-runs.ts';
import { weightsWithout } from '../../../../engine/attribution/audit/leave-out-subsets.ts';
import {
  createLeaveOutTrainer,
  type LeaveOutTrainer,
} from '../../../../engine/attribution/audit/leave-out-trainer.ts';
import { readSafetensors, writeSafetensors } from '../../../../engine/model/safetensors.ts';
import { trainRun } from '../../../../engine/train/train-run.ts';
import { runSchema } from '../../../../engine/train/train-run-config.ts';
import { examples, makeTinyVersion, type TinyVersion } from '../tiny-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'leave-out-'));
const recipe = { rank: 4, alpha: 8, epochs: 40, stepsMin: 1, batch: 10, lr: 0.02 };
const all = new Float64Array(examples.length).fill(1);
let version: TinyVersion;
let trainer: LeaveOutTrainer;

beforeAll(async () => {
  version = await makeTinyVersion(folder);
  trainer = createLeaveOutTrainer({ modelDir: version.modelDir, examples, recipe, seed: 3 });
});
afterAll(async () => {
  await trainer.release();
  rmSync(folder, { recursive: true, force: true });
});

const bytes = (dir: string): Buffer => readFileSync(join(folder, dir, 'adapter_model.safetensors'));

describe('retraining with weights', () => {
  it('of 1 each is the product’s own training, to the bit, whatever was trained before', async () => {
    await trainer.train(weightsWithout(examples.length, [0, 5, 7]));
    (await trainer.train(all)).save(join(folder, 'again'));
    const run = { base: version.modelDir, data: join(folder, 'examples.jsonl'), out: join(folder, 'real') };
    await trainRun(runSchema('sft').parse({ ...run, recipe: { ...recipe, seed: 3 } }), () => undefined);
    expect(bytes('again').equals(bytes('real'))).toBe(true);
  });

  it('leaves out what weighs 0 and learns what is left: without an example its answer costs more than with it', async () => {
    await trainer.train(all);
    const [known] = await trainer.losses(examples);
    await trainer.train(weightsWithout(examples.length, [0]));
    const [unknown] = await trainer.losses(examples);
    expect(unknown).toBeGreaterThan(known + 0.05);
  });

  it('goes from one to the other with the weight: at 0.5 an answer costs less than at 0 and more than at 1', async () => {
    const lossAt = async (weight: number): Promise<number> => {
      await trainer.train(all.map((one, at) => (at === 0 ? weight : one)));
      return (await trainer.losses([examples[0]]))[0];
    };
    const [none, half, whole] = [await lossAt(0), await lossAt(0.5), await lossAt(1)];
    expect(half).toBeLessThan(none);
    expect(half).toBeGreaterThan(whole);
  });

  it('passes an update whose examples are all left out, and refuses 2 weights for 24 examples', async () => {
    const alone = weightsWithout(
      examples.length,
      examples.flatMap((_, at) => (at === 4 ? [] : [at])),
    );
    const { loss } = await trainer.train(alone);
    expect(Number.isFinite(loss)).toBe(true);
    const losses = await trainer.losses(examples);
    expect(losses.indexOf(Math.min(...losses))).toBe(4);
    await expect(trainer.train([1, 1])).rejects.toThrow('2 weights for 24 examples');
  });

  it('uses no retraining of another base: the same job goes on from its file, on another base it begins anew', async () => {
    const file = join(folder, 'bases.jsonl');
    const job = {
      ...{
        examples,
        recipe,
        seed: 3,
        queries: examples.slice(0, 2),
        subsets: [{ id: 'full', leftOut: [] }],
        file,
      },
    };
    const [one] = await leaveOutRuns({ ...job, modelDir: version.modelDir });
    const made: number[] = [];
    await leaveOutRuns({ ...job, modelDir: version.modelDir }, (done) => void made.push(done));
    expect(made).toEqual([1]);
    const otherDir = join(folder, 'other base');
    cpSync(version.modelDir, otherDir, { recursive: true });
    const weights = [...readSafetensors(join(otherDir, 'model.safetensors'))];
    const larger = weights.map(
      ([name, { shape, data }]) => [name, { shape, data: data.map((v) => 1.1 * v) }] as const,
    );
    writeSafetensors(join(otherDir, 'model.safetensors'), new Map(larger));
    const [other] = await leaveOutRuns({ ...job, modelDir: otherDir });
    expect(other.losses).not.toEqual(one.losses);
  });

  it('ends with training_diverged, not with figures, where a loss is no number', async () => {
    const job = {
      ...{ modelDir: version.modelDir, examples, recipe: { ...recipe, lr: 1e30 }, seed: 3 },
      ...{
        queries: examples.slice(0, 2),
        subsets: [{ id: 'full', leftOut: [] }],
        file: join(folder, 'nan.jsonl'),
      },
    };
    await expect(leaveOutRuns(job)).rejects.toMatchObject({ code: 'training_diverged', retry: 'never' });
  });

  it('gives the same runs in one process and spread over two children', async () => {
    const job = {
      ...{ modelDir: version.modelDir, examples, recipe, seed: 3, queries: examples.slice(0, 3) },
      subsets: [1, 2, 3].map((at) => ({ id: `without-${at}`, leftOut: [at] })),
      file: join(folder, 'runs.jsonl'),
    };
    const seen: number[] = [];
    const spread = await leaveOutInChildren(job, 2, (done) => void seen.push(done));
    expect(spread).toEqual(await leaveOutRuns({ ...job, file: join(folder, 'one.jsonl') }));
    expect(spread.map(({ id }) => id)).toEqual(['without-1', 'without-2', 'without-3']);
    expect(Math.max(...seen)).toBe(3);
  });
});
