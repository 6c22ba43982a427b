// Sampling: temperature, top-k, top-p, and the same tokens for the same seed.
import { describe, expect, it } from 'vitest';
import { createSampler } from '../../../engine/serve/sampler.ts';

const logits = Float32Array.of(1, 3, 2, 3, -1, Number.NEGATIVE_INFINITY);

function draws(
  options: Parameters<typeof createSampler>[0],
  count: number,
  from = logits,
): readonly number[] {
  const sample = createSampler(options);
  return Array.from({ length: count }, () => sample(from));
}

describe('sampler', () => {
  it('is greedy at temperature 0, and the lowest id wins a tie', () => {
    expect(draws({ temperature: 0, seed: 1 }, 3)).toEqual([1, 1, 1]);
  });

  it('gives the same 200 tokens for the same seed, and others for another seed', () => {
    const first = draws({ temperature: 1, seed: 42 }, 200);
    expect(draws({ temperature: 1, seed: 42 }, 200)).toEqual(first);
    expect(draws({ temperature: 1, seed: 43 }, 200)).not.toEqual(first);
  });

  it('draws each token as often as its probability says, within 0.01 over 40,000 draws', () => {
    const all = draws({ temperature: 0.7, seed: 5 }, 40_000);
    const weights = Array.from(logits, (logit) => Math.exp(logit / 0.7));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, id) => {
      const share = all.filter((drawn) => drawn === id).length / all.length;
      expect(Math.abs(share - weight / total)).toBeLessThan(0.01);
    });
    expect(all).not.toContain(5);
  });

  it('keeps only the topK likeliest tokens', () => {
    expect(new Set(draws({ temperature: 5, topK: 3, seed: 1 }, 500))).toEqual(new Set([1, 2, 3]));
    expect(new Set(draws({ temperature: 5, topK: 1, seed: 1 }, 50))).toEqual(new Set([1]));
  });

  it('keeps the fewest tokens that reach topP', () => {
    // At temperature 1 the probabilities are 0.40, 0.40, 0.15, 0.05, 0.01.
    expect(new Set(draws({ temperature: 1, topP: 0.8, seed: 1 }, 500))).toEqual(new Set([1, 3, 2]));
    expect(new Set(draws({ temperature: 1, topP: 0.79, seed: 1 }, 500))).toEqual(new Set([1, 3]));
    expect(new Set(draws({ temperature: 1, topP: 0.3, seed: 1 }, 500))).toEqual(new Set([1]));
  });

  it('topP agrees with a full sort on 4,096 random logits', () => {
    const many = Float32Array.from({ length: 4096 }, (_, id) => 4 * Math.sin(id * 12.9898) ** 3);
    const order = Array.from(many.keys()).sort((a, b) => many[b] - many[a] || a - b);
    const weights = order.map((id) => Math.exp(many[id]));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let reached = 0;
    const end = weights.findIndex((weight) => {
      reached += weight;
      return reached >= 0.5 * total;
    });
    const nucleus = new Set(order.slice(0, end + 1));
    const drawn = draws({ temperature: 1, topP: 0.5, seed: 9 }, 3000, many);
    expect(drawn.every((id) => nucleus.has(id))).toBe(true);
    expect(new Set(drawn).size).toBeGreaterThan(nucleus.size / 2);
  });

  it.each([
    [{ temperature: -1, seed: 1 }, /temperature is -1/],
    [{ temperature: Number.NaN, seed: 1 }, /temperature is NaN/],
    [{ temperature: 1, topK: 0, seed: 1 }, /topK is 0/],
    [{ temperature: 1, topP: 0, seed: 1 }, /topP is 0/],
    [{ temperature: 1, topP: 1.5, seed: 1 }, /topP is 1.5/],
    [{ temperature: 1, seed: Number.NaN }, /seed is NaN/],
  ])('refuses %o', (options, message) => {
    expect(() => createSampler(options)).toThrow(message);
  });

  it('refuses logits that are not numbers', () => {
    expect(() => draws({ temperature: 0, seed: 1 }, 1, Float32Array.of(Number.NaN, 1))).toThrow(/not usable/);
  });
});
