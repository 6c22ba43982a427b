// LoRA dropout: what the mask is, that it changes nothing on average, that gradients follow the masked adapter, and
// that it comes from its key alone.
import { describe, expect, it } from 'vitest';
import { firstLlamaWeights } from '../../../engine/train/first-weights.ts';
import { dropoutMasks, withDropout } from '../../../engine/train/lora-dropout.ts';
import { createLoraLearner } from '../../../engine/train/lora-learner.ts';
import { packedBatches } from '../../../engine/train/packed-batches.ts';
import { allLora, tinyConfig } from '../graph/tiny-train-graph.ts';

const name = 'model.layers.0.self_attn.q_proj.lora_A.weight';
const wide = new Map([[name, { shape: [2, 4000], data: new Float32Array(8000).fill(1) }]]);

describe('a dropout mask', () => {
  it('of 0.25 leaves three quarters of 4,000 columns, scaled by 4/3, so that the mean stays 1', () => {
    const mask = dropoutMasks(wide, 0.25, { seed: 1, step: 2, run: 3 }).get(name)!;
    expect(new Set(mask)).toEqual(new Set([0, Math.fround(4 / 3)]));
    const mean = mask.reduce((sum, value) => sum + value, 0) / mask.length;
    expect(Math.abs(mean - 1)).toBeLessThan(0.03); // deviation of the mean: sqrt(1/3 / 4000) = 0.009
  });

  it('is the same for the same seed, step and run, and another one where any of them differs', () => {
    const of = (seed: number, step: number, run: number) =>
      dropoutMasks(wide, 0.5, { seed, step, run }).get(name)!.join('');
    const masks = [of(1, 2, 3), of(2, 2, 3), of(1, 3, 3), of(1, 2, 4)];
    expect(of(1, 2, 3)).toBe(masks[0]);
    expect(new Set(masks).size).toBe(4);
  });

  it('leaves the weights as they were when the run fails', async () => {
    const masks = dropoutMasks(wide, 0.5, { seed: 1, step: 1, run: 1 });
    const failing = withDropout(wide, masks, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(wide.get(name)!.data.every((value) => value === 1)).toBe(true);
  });
});

describe('training with dropout', () => {
  const learner = (dropout: number) =>
    createLoraLearner({
      ...{ config: tinyConfig, baseWeights: firstLlamaWeights(tinyConfig, 3), base: 'tiny', seed: 1 },
      lora: { ...allLora, alpha: 6, dropout },
      compute: { threads: 1, device: 'cpu', execution: 'whole', sessionsMax: 2 },
    });
  const [batch] = packedBatches([{ ids: [1, 2, 9, 20, 5, 0], answerStart: 3 }]);
  const key = { step: 3, run: 0 };
  const warm = (of: ReturnType<typeof learner>) => {
    for (const [weight, { data }] of of.trained) {
      if (weight.endsWith('lora_B.weight')) data.set(data.map((_, i) => 0.1 * Math.sin(i)));
    }
  };

  it('gives the gradient of central differences of the masked loss, 0 for a column that is masked', async () => {
    const dropped = learner(0.5);
    warm(dropped);
    const { gradients } = await dropped.differentiate(batch, () => 1, key);
    const { data } = dropped.trained.get(name)!;
    const gradient = gradients.get(name)!;
    const lossAt = async (at: number, value: number) => {
      const before = data[at];
      data[at] = value;
      const { loss } = await dropped.differentiate(batch, () => 1, key);
      data[at] = before;
      return loss;
    };
    const step = 0.02;
    for (let at = 0; at < 6; at++) {
      const slope = ((await lossAt(at, data[at] + step)) - (await lossAt(at, data[at] - step))) / (2 * step);
      expect(gradient[at]).toBeCloseTo(slope, 3);
    }
    const masked = Array.from(gradient.subarray(0, tinyConfig.dim)).filter((value) => value === 0).length;
    expect(masked).toBeGreaterThan(0);
    expect(masked).toBeLessThan(tinyConfig.dim);
    await dropped.release();
  });

  it('scores and differentiates under one key alike, and without a key as if there were none', async () => {
    const dropped = learner(0.5);
    const plain = learner(0);
    warm(dropped);
    warm(plain);
    const { nll } = await dropped.differentiate(batch, () => 1, key);
    expect(await dropped.score(batch, key)).toEqual(nll);
    expect(await dropped.score(batch)).toEqual(await plain.score(batch));
    expect(await dropped.score(batch)).not.toEqual(nll);
    await dropped.release();
    await plain.release();
  });
});
