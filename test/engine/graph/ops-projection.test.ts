// What the projection must keep: inner products of gradients, and so their cosines. Compared with the full gradients of
// the same graph on random weights.
import { expect, it } from 'vitest';
import { gradientName, projectedName } from '../../../engine/graph/llama-train-graph.ts';
import { projections } from '../../../engine/model/llama-weights.ts';
import { seededRandom } from '../../../engine/train/training-random.ts';
import { randomBatch, randomWeights, tinyConfig, tinyRunner } from './tiny-train-graph.ts';

const batch = 8;
const lora = { rank: 200, targets: projections }; // more numbers than one fold
const options = { config: tinyConfig, batch, seq: 6, gradients: 'loraPerExample', lora } as const;
const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

it('cosines of 28 pairs of gradients differ by about 1 / sqrt(width): less with every projection', async () => {
  const full = await tinyRunner(options);
  const weights = randomWeights(full.graph, 4);
  const data = randomBatch(batch * options.seq, tinyConfig.vocab, 5);
  const exact = await full.run(weights, data);
  const rows = Array.from({ length: batch }, (_, row) =>
    Float64Array.from(
      full.graph.trained.flatMap((name) => {
        const gradient = exact[gradientName(name)];
        const size = gradient.length / batch;
        return [...gradient.subarray(row * size, (row + 1) * size)];
      }),
    ),
  );
  expect(rows[0].length).toBeGreaterThan(65_536);
  const errorOf = async (width: number): Promise<number> => {
    const { graph, run } = await tinyRunner({ ...options, projection: { width, random: seededRandom(3) } });
    expect(graph.trained).toEqual([projectedName]);
    const projected = (await run(weights, data))[gradientName(projectedName)];
    expect(projected).toHaveLength(batch * width);
    const short = rows.map((_, row) => Float64Array.from(projected.slice(row * width, (row + 1) * width)));
    let squares = 0;
    let pairs = 0;
    for (let i = 0; i < batch; i++) {
      for (let j = 0; j < i; j++) {
        const norms = Math.sqrt(dot(rows[i], rows[i]) * dot(rows[j], rows[j]));
        squares += ((dot(short[i], short[j]) - dot(rows[i], rows[j])) / norms) ** 2;
        pairs += 1;
      }
    }
    return Math.sqrt(squares / pairs);
  };
  const errors = [await errorOf(256), await errorOf(4096)];
  expect(errors[0]).toBeLessThan(2 / Math.sqrt(256));
  expect(errors[0]).toBeGreaterThan(0);
  expect(errors[1]).toBeLessThan(2 / Math.sqrt(4096));
});

it('is of per-example gradients only', async () => {
  const projection = { width: 4, random: seededRandom(1) };
  await expect(tinyRunner({ ...options, gradients: 'lora', projection })).rejects.toThrow('per-example');
});
