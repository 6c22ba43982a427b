// The serving graph against the slow plain forward pass, on random models of every supported shape.
import { describe, expect, it } from 'vitest';
import { projections } from '../../../engine/model/llama-weights.ts';
import { type LoraAdapter, loraPair } from '../../../engine/model/lora-adapter.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import { referenceLogits } from '../../../engine/reference/llama-reference.ts';
import { loraRows } from '../../../engine/serve/lora-rows.ts';
import { createServeSession } from '../../../engine/serve/serve-session.ts';
import { largestDifference } from './compare.ts';
import { randomAdapterTensors, randomIds, randomWeights, tinyConfig } from './tiny-llama.ts';

const variants: readonly (readonly [string, LlamaConfig, 'fused' | 'unfused'])[] = [
  ['4 heads on 2, head size 16', tinyConfig, 'fused'],
  ['4 heads on 1, head size 16', { ...tinyConfig, kvHeads: 1 }, 'fused'],
  ['heads wider than the model, 3 on 3 of 32', { ...tinyConfig, heads: 3, kvHeads: 3, headDim: 32 }, 'fused'],
  ['head size 8', { ...tinyConfig, headDim: 8 }, 'unfused'],
  ['head size 6, 4 heads on 1', { ...tinyConfig, headDim: 6, kvHeads: 1 }, 'unfused'],
  ['biases and an untied head (Qwen2)', { ...tinyConfig, qkvBias: true, tied: false }, 'fused'],
];

describe.each(variants)('serving graph with %s', (_name, config, attention) => {
  const weights = randomWeights(config);
  const ids = randomIds(config, 24);
  const adapter: LoraAdapter = {
    rank: 3,
    alpha: 6,
    scale: 2,
    targets: projections,
    base: 'tiny',
    weights: randomAdapterTensors(config, 3),
  };

  it.each([
    ['the base', undefined],
    ['an adapter on all seven projections', adapter],
  ] as const)('equals the reference within 1e-3 for %s', async (_which, lora) => {
    const session = await createServeSession({ config, weights });
    const rows = lora && loraRows(config, (layer, projection) => loraPair(lora, layer, projection));
    const cache = session.newCache();
    const logits = await session.step({ cache, ids, lora: rows, logits: 'all' });
    expect(session.attention).toBe(attention);
    expect(largestDifference(logits, referenceLogits(weights, config, ids, lora))).toBeLessThan(1e-3);
    await session.release();
  });
});
