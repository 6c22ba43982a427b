// Is a training step the same to the bit each time? Loss and all gradients, three runs each with one and two threads;
// checkpoints that resume to the bit rest on it. Not covered: threads that meet at one row of the embedding's gradient,
// which takes larger sizes; ops-embedding.test.ts has those.
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createTrainingSession } from '../../../engine/train/training-session.ts';
import { allLora, randomBatch, randomWeights, tinyConfig, tinyRunner } from '../graph/tiny-train-graph.ts';

const config = { ...tinyConfig, dim: 64, ffn: 96, tied: true, vocab: 300 };
const [batch, seq] = [8, 64];

it.each([
  ['full', 'whole'],
  ['lora', 'whole'],
  ['loraPerExample', 'whole'],
  ['full', 'layerwise'],
] as const)('%s gradients, %s: six runs with 1 and 2 threads have one sha1', async (gradients, execution) => {
  const { graph } = await tinyRunner({ config, batch: 1, seq: 2, gradients: 'none', lora: allLora });
  const weights = new Map(
    [...randomWeights(graph, 3)].map(([name, values]) => [
      name,
      { shape: [], data: Float32Array.from(values) },
    ]),
  );
  const data = randomBatch(batch * seq, 9, 7);
  const tokens = {
    ids: BigInt64Array.from(data.ids.map(BigInt)),
    labels: BigInt64Array.from(data.labels.map(BigInt)),
    weights: Float32Array.from(data.weights),
  };
  const seen = new Set<string>();
  for (const threads of [1, 2]) {
    const shape = { config, batch, seq, gradients, lora: allLora, loraScale: 0.7, weights };
    const session = await createTrainingSession({ ...shape, execution, threads });
    for (let run = 0; run < 3; run++) {
      const step = await session.run(tokens);
      const hash = createHash('sha1').update(`${step.loss}`).update(step.nll);
      for (const [name, values] of step.gradients) hash.update(name).update(values);
      seen.add(hash.digest('hex'));
    }
    await session.release();
  }
  expect(seen.size).toBe(1);
});
