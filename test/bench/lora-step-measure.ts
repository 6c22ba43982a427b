// What a LoRA step costs in forward passes, and per-example projected gradients in LoRA steps. Used by the training bench.
// One thread, CPU time, the three in turn.
import { seededRandom } from '../../engine/train/training-random.ts';
import { createTrainingSession } from '../../engine/train/training-session.ts';
import type { FigureKind } from './bench-figure.ts';
import { benchWeights } from './bench-model.ts';
import { cpuRatioOf, interleaved, type Side } from './interleaved.ts';
import {
  benchBatch,
  benchLora,
  benchLoraScale,
  benchLoraWeights,
  shape7,
  stepOf,
  type TrainMeasure,
} from './train-bench-context.ts';

const batch = 8;
const seq = 256;
/** Numbers left of each example's gradient. */
const projectedWidth = 2048;

const kinds = {
  step: {
    name: 'lora-step',
    measure: `LoRA step / forward pass (7M, ${batch} × ${seq}, rank ${benchLora.rank})`,
    unit: '×',
    goal: { atMost: 2.6 },
  },
  projected: {
    name: 'lora-projected',
    measure: `per-example gradients projected to ${projectedWidth} / LoRA step`,
    unit: '×',
    goal: { atMost: 1.05 },
  },
} as const satisfies Record<string, FigureKind>;

export const loraStepMeasure: TrainMeasure = {
  figures: Object.values(kinds),
  run: async ({ quick }) => {
    const adapter = benchLoraWeights(shape7);
    const weights = new Map([...benchWeights(shape7), ...adapter]);
    const common = { config: shape7, batch, seq, lora: benchLora, loraScale: benchLoraScale, weights };
    const projection = { width: projectedWidth, random: seededRandom(9) };
    const sessions = [
      await createTrainingSession({ ...common, gradients: 'none' }),
      await createTrainingSession({ ...common, gradients: 'lora' }),
      await createTrainingSession({ ...common, gradients: 'loraPerExample', projection }),
    ];
    const tokens = benchBatch(shape7, batch, seq);
    const [forward, lora, projected] = sessions;
    const side = (name: string, run: () => Promise<unknown>): Side => ({
      name,
      block: async () => {
        await run();
        return 1;
      },
    });
    try {
      const sides = [
        side('forward pass', () => forward.run(tokens)),
        side('LoRA step', stepOf(lora, adapter, tokens)),
        side('projected gradients', () => projected.run(tokens)),
      ];
      const [passes, steps, gradients] = await interleaved(sides, quick ? 3 : 15);
      return {
        [kinds.step.name]: cpuRatioOf(steps, passes),
        [kinds.projected.name]: cpuRatioOf(gradients, steps),
      };
    } finally {
      for (const session of sessions) await session.release();
    }
  },
};
