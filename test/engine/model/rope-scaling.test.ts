// Stretched rotary positions: the graphs' tables and the reference against figures computed outside this code (awk,
// double precision, from the definitions), and against each other at every position; what files may say, and may not.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rotaryTables } from '../../../engine/graph/ops-rotary.ts';
import { parseModelConfig, toConfigJson } from '../../../engine/model/model-config.ts';
import { ropeFrequencies } from '../../../engine/model/rope-frequencies.ts';
import type { RopeScaling } from '../../../engine/model/rope-scaling.ts';
import { referenceTurn } from '../../../engine/reference/reference-rope.ts';
import { publishedConfigs } from '../families/published-configs.ts';

interface Known {
  readonly headDim: number;
  readonly theta: number;
  readonly scaling: RopeScaling;
  readonly amplitude: number;
  /** pair -> radians per position */
  readonly angles: Readonly<Record<number, number>>;
}

const known: Readonly<Record<string, Known>> = {
  'Llama 3.2 1B: fast pairs kept, slow ones 32 times slower, three pairs between': {
    headDim: 64,
    theta: 500000,
    scaling: parseModelConfig(publishedConfigs['Llama 3.2 1B']).ropeScaling!,
    amplitude: 1,
    angles: {
      0: 1,
      14: 3.211445994753e-3,
      15: 1.290547928209e-3,
      17: 9.708287802628e-5,
      18: 1.946163818483e-5,
      31: 9.418306725435e-8,
    },
  },
  'Qwen2.5 with yarn: a ramp from pair 23 to pair 40, amplitude 0.1 ln 4 + 1': {
    headDim: 128,
    theta: 1e6,
    scaling: parseModelConfig(publishedConfigs['Qwen2.5 7B with yarn']).ropeScaling!,
    amplitude: 1.13862943611,
    angles: {
      0: 1,
      23: 6.978305848599e-3,
      24: 5.37532149079e-3,
      30: 1.064360981247e-3,
      39: 6.490394320837e-5,
      40: 4.445698525097e-5,
      63: 3.102344401879e-7,
    },
  },
  'linear: every angle a quarter': {
    headDim: 128,
    theta: 10000,
    scaling: { kind: 'linear', factor: 4 },
    amplitude: 1,
    angles: { 0: 0.25, 10: 5.928434264154e-2 },
  },
};

describe.each(Object.entries(known))('%s', (_, { headDim, theta, scaling, amplitude, angles }) => {
  const config = { headDim, ropeTheta: theta, ropeScaling: scaling };

  it('as computed by hand, in the graphs and in the reference', () => {
    const found = ropeFrequencies(headDim, theta, scaling);
    expect(found.amplitude).toBeCloseTo(amplitude, 10);
    for (const [pair, angle] of Object.entries(angles)) {
      expect(found.angles[Number(pair)] / angle).toBeCloseTo(1, 10);
      const { cos, sin } = referenceTurn(config, 1, Number(pair));
      expect(Math.atan2(sin, cos) / angle).toBeCloseTo(1, 10);
      expect(Math.hypot(sin, cos)).toBeCloseTo(amplitude, 10);
    }
  });

  it('the graphs’ tables equal the reference at 300 positions', () => {
    const tables = rotaryTables(300, config);
    for (let position = 0; position < 300; position += 13)
      for (let pair = 0; pair < headDim / 2; pair++) {
        const { cos, sin } = referenceTurn(config, position, pair);
        expect(tables.cos[(position * headDim) / 2 + pair]).toBeCloseTo(cos, 9);
        expect(tables.sin[(position * headDim) / 2 + pair]).toBeCloseTo(sin, 9);
      }
  });
});

describe('rope scaling in config.json', () => {
  const base = publishedConfigs['Llama 3 8B'];
  const scalingOf = (change: object) => parseModelConfig({ ...base, ...change }).ropeScaling;

  it('reads the old spelling, the newer one and the newest as the same', () => {
    const linear = { kind: 'linear', factor: 2 };
    expect(scalingOf({ rope_scaling: { type: 'linear', factor: 2 } })).toEqual(linear);
    expect(scalingOf({ rope_scaling: { rope_type: 'linear', factor: 2 } })).toEqual(linear);
    const { rope_theta: _, rope_scaling: __, ...rest } = base;
    const newest = { ...rest, rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 7e5 } };
    expect(parseModelConfig(newest)).toMatchObject({ ropeScaling: linear, ropeTheta: 7e5 });
    expect(scalingOf({ rope_scaling: {}, rope_parameters: { rope_type: 'default' } })).toBeUndefined();
  });

  it('serves dynamic NTK as plain rotary up to where it would begin to change', () => {
    const dynamic = parseModelConfig({ ...base, rope_scaling: { type: 'dynamic', factor: 4 } });
    expect(dynamic).toMatchObject({ ropeScaling: undefined, maxSeq: 8192 });
    const early = { rope_type: 'dynamic', factor: 4, original_max_position_embeddings: 2048 };
    expect(parseModelConfig({ ...base, rope_scaling: early }).maxSeq).toBe(2048);
  });

  it('takes the factor of yarn from the lengths where it is missing, and its amplitude from what is written', () => {
    const yarn = { rope_type: 'yarn', original_max_position_embeddings: 2048 };
    expect(scalingOf({ rope_scaling: yarn })).toMatchObject({
      factor: 4,
      attentionFactor: 0.1 * Math.log(4) + 1,
    });
    const written = { ...yarn, factor: 40, attention_factor: 0.9 };
    expect(scalingOf({ rope_scaling: written })).toMatchObject({ attentionFactor: 0.9 });
    const deepseek = { ...yarn, factor: 40, mscale: 0.7, mscale_all_dim: 1 };
    const found = scalingOf({ rope_scaling: deepseek });
    expect(found?.kind === 'yarn' && found.attentionFactor).toBeCloseTo(0.919155995204, 10);
    const half = { ...yarn, factor: 40, mscale: 0.7 };
    expect(scalingOf({ rope_scaling: half })).toMatchObject({ attentionFactor: 0.1 * Math.log(40) + 1 });
  });

  it('comes back from the config it writes, 200 random scalings', () => {
    const factor = fc.double({ min: 1, max: 64, noNaN: true });
    const originalMaxSeq = fc.integer({ min: 16, max: 8192 });
    const scaling = fc.oneof(
      fc.record({ kind: fc.constant('linear' as const), factor }),
      fc.record({
        kind: fc.constant('llama3' as const),
        ...{ factor, originalMaxSeq, lowFreqFactor: fc.constant(1), highFreqFactor: fc.constant(4) },
      }),
      fc.record({
        kind: fc.constant('yarn' as const),
        ...{ factor, originalMaxSeq, betaFast: fc.constant(32), betaSlow: fc.constant(1) },
        ...{ truncate: fc.boolean(), attentionFactor: fc.double({ min: 0.5, max: 2, noNaN: true }) },
      }),
    );
    fc.assert(
      fc.property(scaling, (ropeScaling) => {
        const config = { ...parseModelConfig(base), ropeScaling };
        expect(parseModelConfig(toConfigJson(config)).ropeScaling).toEqual(ropeScaling);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [{ rope_scaling: 'linear' }, /rope_scaling is "linear", expected an object/],
    [{ rope_scaling: { type: 'linear' } }, /rope_scaling: factor is undefined/],
    [{ rope_scaling: { type: 'linear', factor: 0.5 } }, /factor is 0.5, expected 1 or more/],
    [{ rope_scaling: { type: 'linear', factor: '2' } }, /factor is "2", expected a positive number/],
    [{ rope_scaling: { rope_type: 'llama3', factor: 8 } }, /low_freq_factor is undefined/],
    [
      { rope_scaling: { rope_type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 4 } },
      /high_freq_factor 4 is not above low_freq_factor 4/,
    ],
    [{ rope_scaling: { rope_type: 'yarn', factor: 4, truncate: 'no' } }, /truncate is "no", expected true/],
    [{ rope_theta: -1 }, /rope_theta is -1/],
  ])('calls %j malformed', (change, message) => {
    expect(() => parseModelConfig({ ...base, ...change })).toThrow(
      expect.objectContaining({ code: 'config_malformed', message: expect.stringMatching(message) }),
    );
  });
});
