// Our LoRA step beside the same step in @jax-js/jax. Used by the training bench. One thread each, CPU time of this process,
// in turn. Before anything is timed both must agree: the loss to 1e-3, every gradient to 1e-2 of its length.
import { createTrainingSession } from '../../engine/train/training-session.ts';
import type { FigureKind } from './bench-figure.ts';
import { benchWeights } from './bench-model.ts';
import { cpuRatioOf, interleaved, rounded } from './interleaved.ts';
import { createJaxLoraStep } from './jax-lora-step.ts';
import { loadJax } from './jax-package.ts';
import {
  benchBatch,
  benchLora,
  benchLoraScale,
  benchLoraWeights,
  shape7,
  type TrainMeasure,
} from './train-bench-context.ts';

const batch = 2;
const seq = 256;

const kind = {
  name: 'jax-step',
  measure: `LoRA step (7M, ${batch} × ${seq}) in @jax-js/jax / ours, CPU time of one thread`,
  unit: '×',
  goal: { atLeast: 5 },
} as const satisfies FigureKind;

export const jaxStepMeasure: TrainMeasure = {
  figures: [kind],
  run: async ({ quick, say }) => {
    const loaded = await loadJax(say);
    if ('missing' in loaded) return { [kind.name]: loaded };
    const adapter = benchLoraWeights(shape7);
    const weights = new Map([...benchWeights(shape7), ...adapter]);
    const common = { config: shape7, batch, seq, weights, loraScale: benchLoraScale };
    const tokens = benchBatch(shape7, batch, seq);
    const theirs = createJaxLoraStep(loaded.jax, { ...common, tokens, loraNames: [...adapter.keys()] });
    const session = await createTrainingSession({ ...common, gradients: 'lora', lora: benchLora });
    try {
      const [mine, other] = [await session.run(tokens), await theirs.run()];
      const lossError = Math.abs(mine.loss - other.loss);
      const gradientError = Math.max(
        ...[...mine.gradients].map(([name, gradient]) => relativeError(other.gradients.get(name), gradient)),
      );
      if (!(lossError < 1e-3 && gradientError < 1e-2)) {
        throw new Error(
          `the steps differ: loss by ${lossError}, a gradient by ${gradientError} of its length`,
        );
      }
      const block = (run: () => Promise<unknown>) => async () => {
        await run();
        return 1;
      };
      const [ours, jaxs] = await interleaved(
        [
          { name: 'ours', block: block(() => session.run(tokens)) },
          { name: '@jax-js/jax', block: block(theirs.run) },
        ],
        quick ? 1 : 5,
      );
      const { details, ...ratio } = cpuRatioOf(jaxs, ours);
      return {
        [kind.name]: {
          ...ratio,
          details: {
            ...details,
            'loss differs by': rounded(lossError),
            'a gradient differs at most by': rounded(gradientError),
          },
        },
      };
    } finally {
      await session.release();
      theirs.dispose();
    }
  },
};

/** |a - b| / |b| */
function relativeError(a: Float32Array | undefined, b: Float32Array): number {
  if (a?.length !== b.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    size += b[i] ** 2;
  }
  return Math.sqrt(difference / size);
}
