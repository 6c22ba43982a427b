// Who may train: a device whose gradients are the CPU's, and no other.
import { describe, expect, it } from 'vitest';
import { projections } from '../../../engine/model/llama-weights.ts';
import { requireRightGradients } from '../../../engine/train/device-gradient-trial.ts';
import { createTrainingSession } from '../../../engine/train/training-session.ts';
import { tinyConfig } from '../serve/tiny-llama.ts';

type Open = typeof createTrainingSession;

/** A device that is the CPU with one tensor of each step multiplied. */
function deviceWith(factor: number, spoiled: string, opened: string[] = []): Open {
  return async (options) => {
    opened.push(options.device ?? 'cpu');
    const session = await createTrainingSession({ ...options, device: 'cpu' });
    if (options.device === 'cpu') return session;
    return {
      ...session,
      run: async (batch, scale) => {
        const step = await session.run(batch, scale);
        const spoil = ([name, data]: [string, Float32Array]): [string, Float32Array] => [
          name,
          name === spoiled ? data.map((value) => value * factor) : data,
        ];
        return { ...step, gradients: new Map([...step.gradients].map(spoil)) };
      },
    };
  };
}

/** Trials are known by their model: each test has its own. */
function optionsOf(ffn: number) {
  const lora = { rank: 4, targets: projections };
  const config = { ...tinyConfig, ffn };
  return { config, lora, gradients: 'lora', batch: 1, seq: 8, weights: new Map(), device: 'webgpu' } as const;
}
const tensor = 'model.layers.0.mlp.down_proj.lora_B.weight';

describe('a device is tried before it trains', () => {
  it('gradients off by 1e-5 are right, and the trial is not repeated', async () => {
    const opened: string[] = [];
    const open = deviceWith(1 + 1e-5, tensor, opened);
    await requireRightGradients(optionsOf(40), open);
    await requireRightGradients({ ...optionsOf(40), seq: 99 }, open);
    expect(opened).toEqual(['cpu', 'webgpu']);
  });

  it.each([
    [51, 1.01],
    [52, 0],
    [53, -1],
    [54, Number.NaN],
  ])('model %i: one tensor times %d is refused with its name', async (ffn, factor) => {
    await expect(requireRightGradients(optionsOf(ffn), deviceWith(factor, tensor))).rejects.toMatchObject({
      code: 'device_wrong',
      retry: 'never',
      message: expect.stringContaining(tensor),
    });
  });
});
