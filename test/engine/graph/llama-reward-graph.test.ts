// Does the reward graph give the gradients of any loss of its rewards? f64 against central differences, and f32 as the
// session runs it against f64. Covered: every A, B and the head, rows of unlike length, padding.
import { describe, expect, it } from 'vitest';
import { buildLlamaRewardGraph } from '../../../engine/graph/llama-reward-graph.ts';
import { gradientName } from '../../../engine/graph/llama-train-graph.ts';
import { createRewardSession } from '../../../engine/train/reward-session.ts';
import {
  allLora,
  randomBatch,
  randomWeights,
  relativeError,
  seededNoise,
  tinyConfig,
  tinySession,
} from './tiny-train-graph.ts';

const shape = { config: { ...tinyConfig, qkvBias: true }, batch: 3, seq: 6, lora: allLora } as const;
const { ids } = randomBatch(18, tinyConfig.vocab, 5);
const last = [5, 2, 3];
const loraScale = 0.7;

async function exactRunner() {
  const graph = buildLlamaRewardGraph({ ...shape, gradients: 'lora', floatType: 'f64' });
  const weights = randomWeights({ weightShapes: graph.weightShapes, loraShapes: graph.trainedShapes }, 8);
  const session = await tinySession(graph.onnx, 'f64');
  const shapes = [...graph.weightShapes, ...graph.trainedShapes];
  const run = (values: typeof weights, rowWeights: readonly number[], tokens = ids) =>
    session({
      ids: { ints: tokens, shape: [3, 6] },
      last: { ints: last, shape: [3] },
      weights: { floats: rowWeights, shape: [3] },
      lora_scale: { floats: [loraScale], shape: [] },
      ...Object.fromEntries(shapes.map(([name, dims]) => [name, { floats: values.get(name)!, shape: dims }])),
    });
  return { graph, weights, run };
}

describe('reward graph', () => {
  it('gives gradients of a Bradley-Terry loss within 1e-6 of central differences for A, B and the head', async () => {
    const { graph, weights, run } = await exactRunner();
    /** -log sigmoid(r0 - r1) + r2² / 2 */
    const lossOf = ([a, b, c]: Float64Array): number => Math.log1p(Math.exp(b - a)) + (c * c) / 2;
    const { rewards } = await run(weights, [0, 0, 0]);
    const pull = 1 / (1 + Math.exp(rewards[0] - rewards[1]));
    const exact = await run(weights, [-pull, pull, rewards[2]]);
    const noise = seededNoise(3);
    expect(graph.trained).toHaveLength(2 * 7 * 2 + 1);
    for (const name of graph.trained) {
      const value = weights.get(name)!;
      const gradient = exact[gradientName(name)];
      const norm = Math.hypot(...gradient);
      const direction = value.map((_, i) => noise() + (3 * gradient[i]) / norm);
      const lossAt = async (t: number): Promise<number> => {
        const moved = new Map(weights).set(
          name,
          value.map((v, i) => v + t * direction[i]),
        );
        return lossOf((await run(moved, [0, 0, 0])).rewards);
      };
      const numeric = ((await lossAt(1e-5)) - (await lossAt(-1e-5))) / 2e-5;
      const analytic = gradient.reduce((sum, v, i) => sum + v * direction[i], 0);
      expect(Math.abs(numeric - analytic) / Math.abs(analytic), name).toBeLessThan(1e-6);
    }
  });

  it('does not see what lies behind the last token', async () => {
    const { weights, run } = await exactRunner();
    const other = ids.map((id, at) => (at % 6 > last[Math.floor(at / 6)] ? (id + 1) % 23 : id));
    expect(other).not.toEqual(ids);
    const a = await run(weights, [1, 1, 1]);
    const b = await run(weights, [1, 1, 1], other);
    for (const name of Object.keys(a)) expect(relativeError(b[name], a[name]), name).toBeLessThan(1e-10);
  });

  it('in f32, as a session, equals f64 within 1e-4 and gives no gradients when none are asked for', async () => {
    const { weights, run } = await exactRunner();
    const exact = await run(weights, [0.5, -1, 2]);
    const single = new Map(
      [...weights].map(([name, values]) => [name, { shape: [], data: Float32Array.from(values) }]),
    );
    const batch = {
      ids: BigInt64Array.from(ids.map(BigInt)),
      last: BigInt64Array.from(last.map(BigInt)),
      weights: Float32Array.of(0.5, -1, 2),
    };
    for (const gradients of ['lora', 'none'] as const) {
      const session = await createRewardSession({ ...shape, gradients, loraScale, weights: single });
      const step = await session.run(batch);
      expect(relativeError(Float64Array.from(step.rewards), exact.rewards)).toBeLessThan(1e-4);
      expect(step.gradients.size).toBe(gradients === 'none' ? 0 : 29);
      for (const [name, values] of step.gradients)
        expect(relativeError(Float64Array.from(values), exact[gradientName(name)]), name).toBeLessThan(1e-4);
      await session.release();
    }
  });
});
