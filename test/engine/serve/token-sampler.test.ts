// Sampling: what each parameter keeps, the same tokens for the same seed, and the fast way equal to the full one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseFromAll } from '../../../engine/serve/token-choice.ts';
import { createRanking } from '../../../engine/serve/token-ranking.ts';
import { createTokenSampler, type RowLogits } from '../../../engine/serve/token-sampler.ts';
import { seededRandom } from '../../../engine/train/training-random.ts';
import { stepLogits } from './fake-session.ts';

type Options = Parameters<typeof createTokenSampler>[0];
const logits = Float32Array.of(1, 3, 2, 3, -1, Number.NEGATIVE_INFINITY);

function rowOf(values: Float32Array, temperature: number): RowLogits {
  const step = stepLogits([values], [temperature]);
  const [topIds, topProbabilities] = [step.topIds(0), step.topProbabilities(0)];
  return { logits: () => values, topIds: () => topIds, topProbabilities: () => topProbabilities };
}

function draws(
  options: Options,
  count: number,
  from: Float32Array = logits,
  promptIds: readonly number[] = [],
): readonly number[] {
  const sample = createTokenSampler(options, promptIds);
  const row = rowOf(from, options.temperature);
  return Array.from({ length: count }, () => sample(row));
}

const wave = (size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, id) => 4 * Math.sin(id * 12.9898) ** 3);

describe('token sampler', () => {
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

  it('draws beyond the 64 likeliest of 200 tokens as often as it should, within 0.01', () => {
    const many = wave(200);
    const all = draws({ temperature: 3, seed: 5 }, 20_000, many);
    const head = new Set([...many.keys()].sort((a, b) => many[b] - many[a] || a - b).slice(0, 64));
    const weight = (ids: Iterable<number>) => [...ids].reduce((sum, id) => sum + Math.exp(many[id] / 3), 0);
    const share = all.filter((id) => head.has(id)).length / all.length;
    expect(Math.abs(share - weight(head) / weight(many.keys()))).toBeLessThan(0.01);
  });

  it('keeps only the topK likeliest tokens', () => {
    expect(new Set(draws({ temperature: 5, topK: 3, seed: 1 }, 500))).toEqual(new Set([1, 2, 3]));
    expect(new Set(draws({ temperature: 5, topK: 1, seed: 1 }, 50))).toEqual(new Set([1]));
    expect(new Set(draws({ temperature: 50, topK: 70, seed: 1 }, 5000, wave(100))).size).toBe(70);
  });

  it('keeps the fewest tokens that reach topP', () => {
    // At temperature 1 the probabilities are 0.40, 0.40, 0.15, 0.05, 0.01.
    expect(new Set(draws({ temperature: 1, topP: 0.81, seed: 1 }, 500))).toEqual(new Set([1, 3, 2]));
    expect(new Set(draws({ temperature: 1, topP: 0.79, seed: 1 }, 500))).toEqual(new Set([1, 3]));
    expect(new Set(draws({ temperature: 1, topP: 0.3, seed: 1 }, 500))).toEqual(new Set([1]));
  });

  it('keeps the tokens of at least minP of the likeliest one’s probability', () => {
    // Relative to the likeliest: 1, 1, e^-1 = 0.37, e^-2 = 0.14, e^-4 = 0.02.
    expect(new Set(draws({ temperature: 1, minP: 0.4, seed: 1 }, 500))).toEqual(new Set([1, 3]));
    expect(new Set(draws({ temperature: 1, minP: 0.3, seed: 1 }, 500))).toEqual(new Set([1, 2, 3]));
    expect(new Set(draws({ temperature: 1, minP: 1, seed: 1 }, 50))).toEqual(new Set([1, 3]));
    expect(new Set(draws({ temperature: 1, minP: 0.1, topK: 2, topP: 0.3, seed: 1 }, 50))).toEqual(
      new Set([1]),
    );
  });

  it('adds the logit bias before anything else', () => {
    expect(draws({ temperature: 0, logitBias: { 4: 10 }, seed: 1 }, 1)).toEqual([4]);
    expect(draws({ temperature: 0, logitBias: { 1: -100, 999: 5 }, seed: 1 }, 1)).toEqual([3]);
    expect(draws({ temperature: 1, topK: 1, logitBias: { 0: 3 }, seed: 1 }, 1)).toEqual([0]);
  });

  it('makes tokens of the prompt and the answer less likely by the repetition penalty', () => {
    // 3 / 2 is less than 2; then 2 / 2 = 1 is not more than the 1 of token 0, the lowest id.
    expect(draws({ temperature: 0, repetitionPenalty: 2, seed: 1 }, 4)).toEqual([1, 3, 2, 1]);
    expect(draws({ temperature: 0, repetitionPenalty: 2, seed: 1 }, 1, logits, [1])).toEqual([3]);
    const negative = Float32Array.of(-1, -1.5);
    expect(draws({ temperature: 0, repetitionPenalty: 2, seed: 1 }, 2, negative)).toEqual([0, 1]);
  });

  it('chooses by the fast way what the full way chooses: 3,000 random rows, with every mix of cuts', () => {
    const cut = (choices: readonly number[]) => fc.option(fc.constantFrom(...choices), { nil: undefined });
    let short = 0;
    fc.assert(
      fc.property(
        fc.record({
          size: fc.constantFrom(5, 64, 65, 300, 1500),
          spread: fc.constantFrom(0.1, 2, 8, 30),
          ties: fc.boolean(),
          seed: fc.integer(),
          temperature: fc.constantFrom(0.05, 0.7, 1, 2),
          topK: cut([1, 40, 64, 65, 200]),
          topP: cut([0.01, 0.3, 0.5, 0.9, 0.99, 1]),
          minP: cut([0, 0.01, 0.1, 0.5, 1]),
        }),
        ({ size, spread, ties, seed, ...options }) => {
          const random = seededRandom(seed);
          const values = Float32Array.from({ length: size }, () =>
            ties ? Math.round(spread * random()) : spread * random(),
          );
          const { topK, topP, minP, temperature } = options;
          const row = rowOf(values, temperature);
          // The full way weighs every logit; the fast one looks at the likeliest only.
          const touched = new Set<string | symbol>();
          const watch = new Proxy(values, {
            get: (target, name) => {
              touched.add(name);
              const value: unknown = Reflect.get(target, name, target);
              return typeof value === 'function' ? value.bind(target) : value;
            },
          });
          const chosen = createTokenSampler({ ...options, seed: seed + 1 })({ ...row, logits: () => watch });
          if (!touched.has(Symbol.iterator)) short += 1;
          const uniform = seededRandom(seed + 1)();
          expect(chosen).toBe(chooseFromAll(values, temperature, { topK, topP, minP }, uniform));
        },
      ),
      { numRuns: 3000 },
    );
    expect(short).toBeGreaterThan(1000);
    expect(short).toBeLessThan(2900);
  });

  it('ranks 1,000 random vocabularies as a full sort does, ties and minus infinity included', () => {
    const logit = fc.oneof(
      fc.float({ min: -30, max: 30, noNaN: true }),
      fc.integer({ min: -2, max: 2 }),
      fc.constant(Number.NEGATIVE_INFINITY),
    );
    fc.assert(
      fc.property(fc.array(logit, { minLength: 1, maxLength: 200 }), (list) => {
        const values = Float32Array.from(list);
        // Infinities differ by NaN.
        const sorted = [...values.keys()].sort((a, b) =>
          values[a] === values[b] ? a - b : values[b] - values[a],
        );
        expect([...createRanking(values).first(values.length)]).toEqual(sorted);
        const ranking = createRanking(values);
        expect(sorted.map((_, rank) => ranking.at(rank))).toEqual(sorted);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [{ temperature: -1, seed: 1 }, /temperature is -1/],
    [{ temperature: Number.NaN, seed: 1 }, /temperature is NaN/],
    [{ temperature: 1, topK: 0, seed: 1 }, /topK is 0/],
    [{ temperature: 1, topP: 0, seed: 1 }, /topP is 0/],
    [{ temperature: 1, topP: 1.5, seed: 1 }, /topP is 1.5/],
    [{ temperature: 1, minP: -0.1, seed: 1 }, /minP is -0.1/],
    [{ temperature: 1, repetitionPenalty: Number.NaN, seed: 1 }, /repetitionPenalty is NaN/],
    [{ temperature: 1, logitBias: { '-1': 3 }, seed: 1 }, /logitBias names the token "-1"/],
    [{ temperature: 1, logitBias: { 7: Number.NaN }, seed: 1 }, /logitBias of token 7 is NaN/],
    [{ temperature: 1, seed: Number.NaN }, /seed is NaN/],
  ])('refuses %o', (options, message) => {
    expect(() => createTokenSampler(options)).toThrow(message);
  });

  it('refuses logits that are not numbers', () => {
    expect(() => draws({ temperature: 0, seed: 1 }, 1, Float32Array.of(Number.NaN, 1))).toThrow(/not finite/);
  });
});
