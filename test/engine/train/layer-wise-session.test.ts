// Does running a layer at a time change anything but memory? Loss, nll and every gradient against the whole graph.
// Covered: all gradient modes, grouped heads, tied and untied heads, biases, packed rows, a vocabulary larger than
// one slice of the logits, cancelling between layers.
import { describe, expect, it } from 'vitest';
import { createTrainingSession } from '../../../engine/train/training-session.ts';
import {
  allLora,
  randomBatch,
  randomWeights,
  relativeError,
  tinyConfig,
  tinyRunner,
} from '../graph/tiny-train-graph.ts';

const variants = [
  { name: 'untied, grouped heads, biases', config: { ...tinyConfig, layers: 3, qkvBias: true } },
  { name: 'tied, three slices of logits', config: { ...tinyConfig, layers: 3, tied: true, vocab: 16_300 } },
] as const;
const [batch, seq] = [3, 100];
const data = randomBatch(batch * seq, 23, 7);
const tokens = {
  ids: BigInt64Array.from(data.ids.map(BigInt)),
  labels: BigInt64Array.from(data.labels.map(BigInt)),
  weights: Float32Array.from(data.weights),
};

async function weightsOf(config: typeof tinyConfig) {
  const { graph } = await tinyRunner({ config, batch: 1, seq: 2, gradients: 'none', lora: allLora });
  return new Map(
    [...randomWeights(graph, 3)].map(([name, values]) => [
      name,
      { shape: [], data: Float32Array.from(values) },
    ]),
  );
}

describe.each(variants)('layer-wise execution: $name', ({ config }) => {
  it.each(['none', 'full', 'lora', 'loraPerExample'] as const)(
    '%s equals the whole graph within 1e-6',
    async (gradients) => {
      const weights = await weightsOf(config);
      const packed = gradients === 'lora';
      const shape = { config, batch, seq, gradients, lora: allLora, loraScale: 0.7, weights, packed };
      const segments = BigInt64Array.from({ length: batch * seq }, (_, at) =>
        BigInt(Math.floor((at % seq) / 40)),
      );
      const [whole, layered] = await Promise.all(
        (['whole', 'layerwise'] as const).map(async (execution) => {
          const session = await createTrainingSession({ ...shape, execution });
          const step = await session.run({ ...tokens, segments });
          await session.release();
          return step;
        }),
      );
      expect(Math.abs(layered.loss / whole.loss - 1)).toBeLessThan(1e-6);
      const error = (a: Float32Array, b: Float32Array): number =>
        relativeError(Float64Array.from(a), Float64Array.from(b));
      expect(error(layered.nll, whole.nll)).toBeLessThan(1e-6);
      expect([...layered.gradients.keys()]).toEqual([...whole.gradients.keys()]);
      for (const [name, values] of whole.gradients)
        expect(error(layered.gradients.get(name)!, values), name).toBeLessThan(1e-6);
    },
  );
});

describe('a layer-wise run', () => {
  it('ends between two layers once its signal is aborted, and the session can run again', async () => {
    const config = { ...tinyConfig, layers: 20 };
    const weights = await weightsOf(config);
    const session = await createTrainingSession({
      ...{ config, batch, seq, gradients: 'lora', lora: allLora, weights },
      execution: 'layerwise',
    });
    const stop = new AbortController();
    setImmediate(() => stop.abort()); // heard while layers run, as a signal handler of a process would be
    await expect(session.run(tokens, 1, stop.signal)).rejects.toMatchObject({ code: 'training_cancelled' });
    expect((await session.run(tokens, 1)).gradients.size).toBe(20 * 14);
    await session.release();
  });
});
