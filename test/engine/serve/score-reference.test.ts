// Scores of a text through the scheduler and a real session, against the slow plain forward pass.
import { describe, expect, it } from 'vitest';
import { projections } from '../../../engine/model/llama-weights.ts';
import { referenceLogits } from '../../../engine/reference/llama-reference.ts';
import { packAdapter } from '../../../engine/serve/pack-adapter.ts';
import { createPrefixStore } from '../../../engine/serve/prefix-store.ts';
import { createScheduler } from '../../../engine/serve/scheduler.ts';
import { createBatchSession } from '../../../engine/serve/serve-session.ts';
import { largestDifference } from './compare.ts';
import { randomAdapterTensors, randomIds, randomWeights, tinyConfig } from './tiny-llama.ts';

const weights = randomWeights(tinyConfig);
const adapter = {
  rank: 3,
  alpha: 6,
  scale: 2,
  targets: projections,
  base: 'tiny',
  weights: randomAdapterTensors(tinyConfig, 3),
};

async function scoreOf(ids: readonly number[], adapted: boolean): Promise<readonly number[]> {
  const session = await createBatchSession({
    config: tinyConfig,
    rowsMax: 2,
    weights: 'f32',
    read: (name) => weights.get(name)?.data ?? new Float32Array(0),
  });
  const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
  const scheduler = createScheduler({
    session,
    prefixes: createPrefixStore(1, 0),
    tokensMax: 1000,
    queueMax: 10,
    pieceTokensMax: 33,
    adapters: {
      load: async () => packAdapter('a', tinyConfig, adapter),
      prefetch: () => undefined,
      pin: () => () => undefined,
    },
    onEvents: () => undefined,
    onScore: (_, nll) => resolve(nll),
    onFailure: (_, error) => reject(error),
  });
  scheduler.submitScore(1, ids, adapted ? { id: 'a', dir: '' } : undefined);
  const nll = await promise;
  await scheduler.stop();
  await session.release();
  return nll;
}

describe('scores', () => {
  it.each([
    ['the base', false],
    ['an adapter on all projections', true],
  ])('of 100 tokens, read in pieces, are those of the reference within 1e-3 for %s', async (_, adapted) => {
    const ids = randomIds(tinyConfig, 100, 9);
    const logits = referenceLogits(weights, tinyConfig, ids, adapted ? adapter : undefined);
    const expected = ids.slice(1).map((id, index) => {
      const row = logits.subarray(index * tinyConfig.vocab, (index + 1) * tinyConfig.vocab);
      return Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[id];
    });
    const nll = await scoreOf(ids, adapted);
    expect(nll.length).toBe(99);
    expect(largestDifference(Float32Array.from(nll), Float32Array.from(expected))).toBeLessThan(1e-3);
  });
});
