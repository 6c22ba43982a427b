// The CPU batch session against the slow plain forward pass, on random models of every supported shape.
import { describe, expect, it } from 'vitest';
import { type Projection, projections, weightOf } from '../../../engine/model/llama-weights.ts';
import type { LoraAdapter } from '../../../engine/model/lora-adapter.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import { referenceLogits } from '../../../engine/reference/llama-reference.ts';
import type { BatchSession } from '../../../engine/serve/batch-session.ts';
import { type BatchSessionOptions, createBatchSession } from '../../../engine/serve/serve-session.ts';
import { argmax, largestDifference } from './compare.ts';
import { packLora } from './pack-lora.ts';
import { randomAdapterTensors, randomIds, randomWeights, tinyConfig } from './tiny-llama.ts';

function open(config: LlamaConfig, options: Partial<BatchSessionOptions> = {}): Promise<BatchSession> {
  const weights = randomWeights(config);
  const read = (name: string): Float32Array => weightOf(weights, name).data;
  return createBatchSession({ config, read, weights: 'f32', rowsMax: 4, ...options });
}

function adapterOf(
  config: LlamaConfig,
  rank: number,
  targets: readonly Projection[],
  seed?: number,
): LoraAdapter {
  const all = [...randomAdapterTensors(config, rank, seed)];
  const weights = new Map(all.filter(([name]) => targets.some((target) => name.includes(target))));
  return { rank, alpha: 2 * rank, scale: 2, targets, base: 'tiny', weights };
}

/** Logits of every token of a prompt: `first` tokens read in one piece into the row, the others one by one. */
async function promptLogits(
  session: BatchSession,
  row: number,
  ids: readonly number[],
  first: number,
): Promise<Float32Array> {
  const { vocab } = session.config;
  const all = new Float32Array(ids.length * vocab);
  const step = { row, temperature: 0, wanted: 'all' } as const;
  const prefill = await session.prefill({ ...step, start: 0, ids: ids.slice(0, first) });
  for (let at = 0; at < first; at++) all.set(prefill.logits(at), at * vocab);
  for (let at = first; at < ids.length; at++) {
    const one = await session.prefill({ ...step, start: at, ids: [ids[at]] });
    all.set(one.logits(0), at * vocab);
  }
  return all;
}

const shapes: readonly (readonly [string, LlamaConfig])[] = [
  ['4 heads on 2, head size 16', tinyConfig],
  ['4 heads on 1, head size 16', { ...tinyConfig, kvHeads: 1 }],
  ['heads wider than the model, 3 on 3 of 32', { ...tinyConfig, heads: 3, kvHeads: 3, headDim: 32 }],
  ['head size 8, rotated before the kernel', { ...tinyConfig, headDim: 8 }],
  ['head size 24, rotated before the kernel', { ...tinyConfig, headDim: 24 }],
  ['biases and an untied head (Qwen2)', { ...tinyConfig, qkvBias: true, tied: false }],
  ['biases on every projection', { ...tinyConfig, qkvBias: true, outputBias: true, mlpBias: true }],
  ['odd widths: 20 wide, 12 inside', { ...tinyConfig, dim: 20, ffn: 12, vocab: 37 }],
];

describe.each(shapes)('batch session with %s', (_name, config) => {
  const weights = randomWeights(config);
  const ids = randomIds(config, 24);

  it.each([
    ['the base', undefined],
    ['an adapter of rank 3 on all seven projections', adapterOf(config, 3, projections)],
    ['an adapter on the values alone', adapterOf(config, 4, ['self_attn.v_proj'])],
  ] as const)('equals the reference within 1e-3 for %s', async (_which, lora) => {
    const expected = referenceLogits(weights, config, ids, lora);
    for (const kvMode of ['in_place', 'native_reuse', 'plain'] as const) {
      const session = await open(config, { kvMode });
      await session.setAdapter(2, lora && packLora(config, lora, 'a'));
      const logits = await promptLogits(session, 2, ids, 17);
      expect(session.kvMode).toBe(kvMode);
      expect(largestDifference(logits, expected)).toBeLessThan(1e-3);
      await session.release();
    }
  });
});

describe('batch session', () => {
  it('refuses head size 6, which the attention kernel does not take', async () => {
    await expect(open({ ...tinyConfig, headDim: 6 })).rejects.toMatchObject({ code: 'config_unsupported' });
  });

  it('the likeliest 64 come in the order of the logits with their part of the whole vocabulary', async () => {
    const session = await open(tinyConfig);
    const ids = randomIds(tinyConfig, 9);
    for (const temperature of [0, 0.5, 3]) {
      const step = await session.prefill({ row: 1, start: 0, ids, temperature, wanted: 'last' });
      const logits = Array.from(step.logits(0));
      const order = logits.map((_, id) => id).sort((a, b) => logits[b] - logits[a] || a - b);
      const weigh = (id: number): number => Math.exp((logits[id] - logits[order[0]]) / (temperature || 1));
      const total = logits.reduce((sum, _, id) => sum + weigh(id), 0);
      expect(step.topIds(0)).toEqual(order.slice(0, 64));
      const expected = Float32Array.from(order.slice(0, 64), (id) => weigh(id) / total);
      expect(largestDifference(step.topProbabilities(0), expected)).toBeLessThan(1e-6);
      expect(step.topIds(0)[0]).toBe(argmax(logits));
    }
    await session.release();
  });

  it('names a row whose numbers are not finite, and the other rows go on', async () => {
    const session = await open(tinyConfig);
    const healthy = packLora(tinyConfig, adapterOf(tinyConfig, 2, projections), 'healthy');
    const data = healthy.data.map((value) => value * 1e30);
    await session.setAdapter(0, healthy);
    await session.setAdapter(1, { ...healthy, key: 'huge', data });
    const step = await session.decode({ ids: [5, 5], lengths: [0, 0], temperatures: [1, 1] });
    expect(step.logits(0).every(Number.isFinite)).toBe(true);
    expect(() => step.topIds(1)).toThrow(expect.objectContaining({ code: 'logits_not_finite' }));
    await session.setAdapter(1, undefined); // and nothing of it stays in the row
    const after = await session.decode({ ids: [5, 5], lengths: [0, 0], temperatures: [1, 1] });
    expect(after.logits(1).every(Number.isFinite)).toBe(true);
    await session.release();
  });

  it('refuses what would crash the kernels, and works afterwards', async () => {
    const session = await open(tinyConfig, { contextTokens: 16 });
    const prefill = { row: 0, start: 0, ids: [5], temperature: 1, wanted: 'last' } as const;
    const refused: (() => Promise<unknown>)[] = [
      async () => session.decode({ ids: [], lengths: [], temperatures: [] }),
      async () =>
        session.decode({ ids: [1, 1, 1, 1, 1], lengths: [0, 0, 0, 0, 0], temperatures: [1, 1, 1, 1, 1] }),
      async () => session.decode({ ids: [1, 1], lengths: [0], temperatures: [1, 1] }),
      async () => session.decode({ ids: [96], lengths: [0], temperatures: [1] }),
      async () => session.decode({ ids: [1], lengths: [16], temperatures: [1] }),
      async () => session.prefill({ ...prefill, ids: [] }),
      async () => session.prefill({ ...prefill, row: 4 }),
      async () => session.prefill({ ...prefill, ids: [-1] }),
      async () => session.prefill({ ...prefill, ids: [1.5] }),
      async () => session.prefill({ ...prefill, start: 16 }),
      async () => session.moveRow(0, 4, 1),
      async () => session.readRow(0, 17),
      async () => session.setAdapter(-1, undefined),
    ];
    for (const call of refused) await expect(call()).rejects.toThrow(/^bug: /);
    const step = await session.prefill(prefill);
    expect(step.logits(0).length).toBe(96);
    await session.release();
  });
});
