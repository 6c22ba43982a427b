// What fits under a memory ceiling.
import { describe, expect, it } from 'vitest';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import { kvTokenBytes, planMemory } from '../../../engine/serve/memory-plan.ts';
import { createBatchSession } from '../../../engine/serve/serve-session.ts';
import { randomWeights, tinyConfig } from './tiny-llama.ts';

/** SmolLM2-135M. */
const config: LlamaConfig = {
  ...tinyConfig,
  dim: 576,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  ffn: 1536,
  vocab: 49152,
  maxSeq: 2048,
};
const MiB = 2 ** 20;
const wishes = {
  config,
  weights: 'int8',
  contextTokens: 2048,
  rowsMax: 16,
  adapterBytesMax: 1024 * MiB,
  prefixBytesMax: 256 * MiB,
} as const;

describe('memory plan', () => {
  it('a token of a 135M model takes 46,080 bytes of keys and values', () => {
    expect(kvTokenBytes(config)).toBe(46_080);
  });

  it('grants all wishes where there is room', () => {
    expect(planMemory({ ...wishes, memoryBytesMax: 8192 * MiB })).toEqual({
      rowsMax: 16,
      adapterBytesMax: 1024 * MiB,
      prefixBytesMax: 256 * MiB,
    });
  });

  it('has fewer rows and smaller pools under a low ceiling, and stays below it', () => {
    const plan = planMemory({ ...wishes, memoryBytesMax: 1024 * MiB });
    expect(plan.rowsMax).toBeGreaterThanOrEqual(3);
    expect(plan.rowsMax).toBeLessThan(8);
    const rows = plan.rowsMax * 2048 * kvTokenBytes(config);
    const weights = 245 * MiB; // 108 MiB of embeddings in f32 and 137 MiB in blocks
    expect(weights + rows + plan.adapterBytesMax + plan.prefixBytesMax).toBeLessThan(1024 * MiB);
  });

  it('leaves more rows to a shorter context', () => {
    const rowsAt = (contextTokens: number): number =>
      planMemory({ ...wishes, contextTokens, memoryBytesMax: 1024 * MiB }).rowsMax;
    expect(rowsAt(512)).toBeGreaterThan(rowsAt(1024));
    expect(rowsAt(1024)).toBeGreaterThan(rowsAt(2048));
  });

  it('refuses a ceiling under which not one row fits, with the figures', () => {
    expect(() => planMemory({ ...wishes, memoryBytesMax: 300 * MiB })).toThrow(
      expect.objectContaining({
        code: 'memory_too_small',
        retry: 'never',
        message: expect.stringMatching(
          /^300 MiB of memory are allowed, but the weights \(int8\) take 24\d MiB, one conversation of 2048 tokens \d+ MiB and one adapter \d+ MiB$/,
        ),
      }),
    );
  });

  it('counts at least what a session says it holds', async () => {
    const weights = randomWeights(tinyConfig);
    const session = await createBatchSession({
      config: tinyConfig,
      rowsMax: 3,
      weights: 'f32',
      read: (name) => weights.get(name)?.data ?? new Float32Array(0),
    });
    const ceilings = Array.from({ length: 200 }, (_, index) => 50_000 + 10_000 * index);
    const enough = ceilings.find((memoryBytesMax) => {
      try {
        const asked = { ...wishes, config: tinyConfig, contextTokens: 160, weights: 'f32' } as const;
        return planMemory({ ...asked, adapterBytesMax: 0, prefixBytesMax: 0, memoryBytesMax }).rowsMax >= 3;
      } catch {
        return false;
      }
    });
    expect(enough).toBeGreaterThanOrEqual(session.residentBytes());
    await session.release();
  });
});
