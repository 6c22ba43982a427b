// AdamW against a plain re-statement of its formulas, clipping, decay and the schedule's corners.
import { describe, expect, it } from 'vitest';
import { adamWDefaults, adamWStep, createAdamWState, globalNorm } from '../../../engine/train/adamw.ts';
import { learningRateAt } from '../../../engine/train/lr-schedule.ts';

const weightsOf = (values: readonly number[], shape: readonly number[]) =>
  new Map([['w', { shape, data: Float32Array.from(values) }]]);

describe('AdamW', () => {
  it('moves a weight by the learning rate against the sign of its first gradient', () => {
    const weights = weightsOf([1, 1, 1], [3]);
    const state = createAdamWState(weights);
    const options = { ...adamWDefaults, clipNorm: 0 };
    adamWStep(weights, new Map([['w', Float32Array.of(0.5, -2, 0)]]), state, 0.1, options);
    expect(Array.from(weights.get('w')!.data, (v) => Number(v.toFixed(5)))).toEqual([0.9, 1.1, 1]);
    expect(state.step).toBe(1);
  });

  it('equals the textbook recurrence over 20 steps within 1e-6', () => {
    const weights = weightsOf([0.3, -0.7], [2, 1]);
    const state = createAdamWState(weights);
    const options = { ...adamWDefaults, clipNorm: 0, weightDecay: 0.1 };
    let [w, m, v] = [0.3, 0, 0];
    for (let t = 1; t <= 20; t++) {
      const g = Math.sin(t) + 0.2;
      adamWStep(weights, new Map([['w', Float32Array.of(g, 1)]]), state, 0.01, options);
      m = 0.9 * m + 0.1 * g;
      v = 0.95 * v + 0.05 * g * g;
      const update = m / (1 - 0.9 ** t) / (Math.sqrt(v / (1 - 0.95 ** t)) + 1e-8);
      w = w - 0.01 * 0.1 * w - 0.01 * update;
    }
    expect(weights.get('w')!.data[0]).toBeCloseTo(w, 6);
  });

  it('decays matrices and leaves vectors alone', () => {
    const options = { ...adamWDefaults, weightDecay: 0.5 };
    const zero = () => new Map([['w', new Float32Array(2)]]);
    const matrix = weightsOf([2, 2], [1, 2]);
    adamWStep(matrix, zero(), createAdamWState(matrix), 0.1, options);
    expect(matrix.get('w')!.data[0]).toBeCloseTo(1.9, 6);
    const vector = weightsOf([2, 2], [2]);
    adamWStep(vector, zero(), createAdamWState(vector), 0.1, options);
    expect(vector.get('w')!.data[0]).toBe(2);
  });

  it('reports the norm before clipping and clips it to 1', () => {
    const weights = weightsOf([0, 0], [2]);
    const state = createAdamWState(weights);
    const gradients = new Map([['w', Float32Array.of(30, 40)]]);
    expect(globalNorm(gradients)).toBe(50);
    expect(adamWStep(weights, gradients, state, 0, adamWDefaults)).toBe(50);
    expect(state.m.get('w')!.data[0]).toBeCloseTo(0.1 * 0.6, 6);
  });
});

describe('the learning rate', () => {
  const schedule = { peak: 1, warmupSteps: 4, steps: 104, finalRatio: 0.1 };
  it('warms up over 4 steps, peaks at 1 and ends at 0.1', () => {
    expect([0, 1, 3, 4].map((step) => learningRateAt(step, schedule))).toEqual([0.25, 0.5, 1, 1]);
    expect(learningRateAt(103, schedule)).toBeCloseTo(0.1, 12);
    expect(learningRateAt(500, schedule)).toBeCloseTo(0.1, 12);
  });
  it('never rises after the warm-up', () => {
    for (let step = 4; step < 103; step++) {
      expect(learningRateAt(step + 1, schedule)).toBeLessThanOrEqual(learningRateAt(step, schedule));
    }
  });
});
