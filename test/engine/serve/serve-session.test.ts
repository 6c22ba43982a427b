// The serving graph against the slow reference: logits, cache, adapters, both attention paths.
import { describe, expect, it } from 'vitest';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import { createServeSession, type ServeSession } from '../../../engine/serve/serve-session.ts';
import { largestDifference } from './compare.ts';
import { randomIds, randomLoraRows, randomWeights, tinyConfig } from './tiny-llama.ts';

const variants: readonly (readonly [string, LlamaConfig, 'unfused' | undefined])[] = [
  ['fused attention', tinyConfig, undefined],
  ['unfused attention', tinyConfig, 'unfused'],
  ['unfused attention by head size 8', { ...tinyConfig, headDim: 8 }, undefined],
  ['an untied head and biases (Qwen2)', { ...tinyConfig, tied: false, qkvBias: true }, undefined],
  ['one key head for each query head', { ...tinyConfig, kvHeads: 4 }, undefined],
];

async function allLogits(
  session: ServeSession,
  ids: readonly number[],
  chunks: readonly number[],
  lora?: ReturnType<typeof randomLoraRows>,
) {
  const cache = session.newCache();
  const parts: number[] = [];
  let at = 0;
  for (const size of chunks) {
    parts.push(...(await session.step({ cache, ids: ids.slice(at, at + size), lora, logits: 'all' })));
    at += size;
  }
  return Float32Array.from(parts);
}

describe.each(variants)('serving session with %s', (_name, config, attention) => {
  const ids = randomIds(config, 40);
  const lora = randomLoraRows(config, 4);

  it('gives the same logits token by token and in chunks as in one prefill, to 1e-4', async () => {
    const session = await createServeSession({ config, weights: randomWeights(config), attention });
    const whole = await allLogits(session, ids, [40], lora);
    const chunked = await allLogits(session, ids, [17, 1, 22], lora);
    const single = await allLogits(session, ids, new Array(40).fill(1), lora);
    expect(whole.length).toBe(40 * config.vocab);
    expect(largestDifference(chunked, whole)).toBeLessThan(1e-4);
    expect(largestDifference(single, whole)).toBeLessThan(1e-4);
    await session.release();
  });

  it('reuses a reset cache without a trace of what it held', async () => {
    const session = await createServeSession({ config, weights: randomWeights(config), attention });
    const cache = session.newCache();
    const fresh = (await session.step({ cache, ids: ids.slice(0, 5), logits: 'last' })).slice();
    await session.step({ cache, ids: ids.slice(5), lora, logits: 'last' });
    session.resetCache(cache);
    const again = (await session.step({ cache, ids: ids.slice(0, 5), logits: 'last' })).slice();
    expect(again).toEqual(fresh);
    await session.release();
  });
});

describe('serving session', () => {
  it('fused and unfused attention agree to 1e-4', async () => {
    const weights = randomWeights(tinyConfig);
    const fused = await createServeSession({ config: tinyConfig, weights });
    const unfused = await createServeSession({ config: tinyConfig, weights, attention: 'unfused' });
    const ids = randomIds(tinyConfig, 30);
    const lora = randomLoraRows(tinyConfig, 4);
    expect([fused.attention, unfused.attention]).toEqual(['fused', 'unfused']);
    // If this fails after an upgrade of onnxruntime-node, answers are still right, but each step copies the cache.
    expect([fused.inPlace, unfused.inPlace]).toEqual([true, false]);
    const difference = largestDifference(
      await allLogits(fused, ids, [30], lora),
      await allLogits(unfused, ids, [30], lora),
    );
    expect(difference).toBeLessThan(1e-4);
    await fused.release();
    await unfused.release();
  });

  it('an adapter padded with zeros from rank 4 to 10 gives the same logits to 1e-5', async () => {
    const session = await createServeSession({ config: tinyConfig, weights: randomWeights(tinyConfig) });
    const ids = randomIds(tinyConfig, 12);
    const base = await allLogits(session, ids, [12]);
    const adapted = await allLogits(session, ids, [12], randomLoraRows(tinyConfig, 4));
    const padded = await allLogits(session, ids, [12], randomLoraRows(tinyConfig, 4, { padTo: 10 }));
    expect(largestDifference(adapted, base)).toBeGreaterThan(0.1);
    expect(largestDifference(adapted, padded)).toBeLessThan(1e-5);
    await session.release();
  });

  it('refuses steps that would crash the kernel: no token, an id outside the vocabulary, more than the context', async () => {
    const session = await createServeSession({
      config: tinyConfig,
      weights: randomWeights(tinyConfig),
      contextTokens: 8,
    });
    const cache = session.newCache();
    const step = (ids: readonly number[]) => session.step({ cache, ids, logits: 'last' });
    await expect(step([])).rejects.toThrow('at least one token');
    await expect(step([96])).rejects.toThrow('token id 96');
    await expect(step([-1])).rejects.toThrow('token id -1');
    await expect(step(randomIds(tinyConfig, 9))).rejects.toThrow('0 + 9 tokens exceed the context of 8');
    await step(randomIds(tinyConfig, 8));
    await expect(step([3])).rejects.toThrow('8 + 1 tokens');
    await session.release();
  });
});
