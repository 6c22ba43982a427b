// The reckoning of memory against runs that were measured, and what is decided by it.
import { describe, expect, it } from 'vitest';
import { planCompute, trainingMemory } from '../../../engine/train/training-memory.ts';

const shape = {
  ...{ maxSeq: 512, ropeTheta: 10000, rmsEps: 1e-5, tied: true, qkvBias: false, bosId: 1, eosIds: [2] },
};
const small = { ...shape, dim: 288, layers: 6, heads: 6, kvHeads: 6, headDim: 48, ffn: 768, vocab: 4096 };
const large = { ...shape, dim: 576, layers: 30, heads: 9, kvHeads: 3, headDim: 64, ffn: 1536, vocab: 49152 };
const need = (config: typeof small, parameters: number, isFull = false) =>
  trainingMemory({ config, parameters, trained: isFull ? parameters : 3e5, isFull, maxTokens: 256 });

describe('the memory of training', () => {
  it('of a 7M adapter at 2,048 tokens a run lies within a quarter of the 648 MB measured', () => {
    const { fixedMb, wholeMb } = need(small, 7.16e6);
    expect((fixedMb + wholeMb) / 648).toBeGreaterThan(0.9);
    expect((fixedMb + wholeMb) / 648).toBeLessThan(1.25);
  });

  it('is more for all weights than for an adapter, and less layer by layer', () => {
    expect(need(small, 7.16e6, true).fixedMb).toBeGreaterThan(need(small, 7.16e6).fixedMb + 100);
    const { wholeMb, layerMb } = need(large, 135e6);
    expect(layerMb).toBeLessThan(wholeMb / 3);
  });
});

describe('the plan of a run', () => {
  it('takes whole graphs for 7M and layers for 135M, as many graphs as fit', () => {
    const plan = planCompute(need(small, 7.16e6), 7.16e6, { layerwise: true });
    expect(plan.execution).toBe('whole');
    expect(plan.sessionsMax).toBeGreaterThan(1);
    expect(planCompute(need(large, 135e6), 135e6, { layerwise: true }).execution).toBe('layerwise');
    expect(planCompute(need(large, 135e6), 135e6, { layerwise: false }).execution).toBe('whole');
  });

  it('goes to layers where whole graphs do not fit, then refuses with both figures', () => {
    const memory = need(small, 7.16e6);
    const tight = Math.ceil(memory.fixedMb + memory.wholeMb + memory.layerMb);
    expect(planCompute(memory, 7.16e6, { memoryMb: tight, layerwise: true })).toEqual({
      execution: 'layerwise',
      sessionsMax: expect.any(Number),
    });
    const least = Math.ceil(memory.fixedMb + 2 * memory.layerMb);
    expect(() => planCompute(memory, 7.16e6, { memoryMb: least - 1, layerwise: true })).toThrow(
      `training needs about ${least} MB, ${least - 1} MB are allowed`,
    );
  });
});
