// How near a full training step comes to the fastest matrix product that the runtime can do on these cores. Used by the
// training bench. The step counts whole: forward, backward, clipping and AdamW in JavaScript; its operations are those of
// the matrix products alone (`fullStepFlops`), so whatever else it does only makes the figure worse.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildOnnx, createGraph, graphInput, graphOutput } from '../../engine/graph/graph-builder.ts';
import { gemm } from '../../engine/graph/ops-matmul.ts';
import type { LlamaConfig } from '../../engine/model/model-config.ts';
import { gaussianArray, seededRandom } from '../../engine/train/training-random.ts';
import { createTrainingSession } from '../../engine/train/training-session.ts';
import type { FigureKind } from './bench-figure.ts';
import { benchWeights } from './bench-model.ts';
import { fastest, interleaved, median, ratioOf, rounded, type Side } from './interleaved.ts';
import { benchBatch, shape7, stepOf, type TrainMeasure } from './train-bench-context.ts';

const batch = 16;
const seq = 256;
const peakSizes = [512, 1024, 2048];

const kind = {
  name: 'step-of-peak',
  measure: `full step (7M, ${batch} × ${seq}) / matmul peak of the runtime`,
  unit: '%',
  goal: { atLeast: 60 },
} as const satisfies FigureKind;

export const fullStepMeasure: TrainMeasure = {
  figures: [kind],
  run: async ({ quick, threads }) => {
    const weights = benchWeights(shape7);
    const session = await createTrainingSession({
      ...{ config: shape7, batch, seq, gradients: 'full', weights, threads },
    });
    const peaks = await Promise.all(peakSizes.map((size) => productSide(size, threads)));
    try {
      const step = stepOf(session, weights, benchBatch(shape7, batch, seq));
      const flops = fullStepFlops(shape7, batch * seq, seq);
      const ours: Side = {
        name: 'full step, Gflop',
        block: async () => {
          await step();
          return flops / 1e9;
        },
      };
      const peak = await fastest(peaks);
      const [steps, products] = await interleaved([ours, peak], quick ? 3 : 9);
      const { value, low = value, high = value, details } = ratioOf(steps, products);
      return {
        [kind.name]: {
          ...{ value: 100 * value, low: 100 * low, high: 100 * high },
          details: {
            ...details,
            'Gflop of a step': rounded(flops / 1e9),
            'ms of a step': rounded((1e-6 * flops) / median(steps.perSecond)),
            'tokens per second': rounded((batch * seq * 1e9 * median(steps.perSecond)) / flops),
          },
        },
      };
    } finally {
      await session.release();
      for (const { release } of peaks) await release();
    }
  },
};

/**
 * Floating-point operations of the matrix products of one full training step, 2 for each multiply-add: forward 2 N and
 * backward 4 N for each token, N = weights of the linear layers and the head; attention 4 seq inner forward and twice as
 * many backward for each token and layer (scores and mixing over the whole [seq, seq], as it is computed).
 */
function fullStepFlops(config: LlamaConfig, tokens: number, seqLength: number): number {
  const { dim, layers, ffn, vocab, heads, kvHeads, headDim } = config;
  const inner = heads * headDim;
  const linears = layers * (2 * dim * inner + 2 * dim * kvHeads * headDim + 3 * dim * ffn) + vocab * dim;
  return tokens * (6 * linears + 12 * layers * seqLength * inner);
}

/** A square product and nothing else, with threads that wait awake: the runtime at its best. */
async function productSide(size: number, threads: number): Promise<Side & { release: () => Promise<void> }> {
  const g = createGraph('product');
  const shape = [size, size];
  graphOutput(g, 'y', gemm(g, graphInput(g, 'a', 'f32', shape), graphInput(g, 'b', 'f32', shape)));
  const session = await InferenceSession.create(buildOnnx(g), { intraOpNumThreads: threads });
  const random = seededRandom(size);
  const feeds = {
    a: new Tensor('float32', gaussianArray(size * size, 1, random), shape),
    b: new Tensor('float32', gaussianArray(size * size, 1, random), shape),
  };
  const products = Math.ceil(100e9 / (2 * size ** 3)); // about a quarter of a second
  return {
    name: `product of ${size} × ${size} matrices, Gflop`,
    block: async () => {
      for (let i = 0; i < products; i++) await session.run(feeds);
      return (products * 2 * size ** 3) / 1e9;
    },
    release: () => session.release(),
  };
}
