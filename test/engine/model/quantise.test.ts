// Quantised weights: the layout that MatMulNBits reads, the size of the error, and edges (zeros, padding, ties).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32FromHalf, halfFromFloat32 } from '../../../engine/model/half-float.ts';
import { dequantise, quantBlocks, quantiseInt4, quantiseInt8 } from '../../../engine/model/quantise.ts';
import { gaussianArray, seededRandom } from '../../../engine/train/training-random.ts';

const matrix = fc
  .record({ rows: fc.integer({ min: 1, max: 4 }), columns: fc.integer({ min: 1, max: 80 }), seed: fc.nat() })
  .map(({ rows, columns, seed }) => ({
    rows,
    columns,
    values: gaussianArray(rows * columns, 0.1, seededRandom(seed)),
  }));

function relativeError(values: Float32Array, back: Float32Array): number {
  const power = (of: (i: number) => number) => values.reduce((sum, _, i) => sum + of(i) ** 2, 0);
  return Math.sqrt(power((i) => back[i] - values[i]) / power((i) => values[i]));
}

describe('int8 blocks', () => {
  it('writes 127, -127 and half of it as codes 255, 1 and 192 with one scale of 1', () => {
    const values = new Float32Array(32);
    values.set([127, -127, 63.5]);
    const { bytes, scales } = quantiseInt8(values, 1, 32);
    expect([...bytes.subarray(0, 4)]).toEqual([255, 1, 192, 128]);
    expect([...scales]).toEqual([1]);
  });

  it('is off by at most half a scale anywhere, 100 random matrices of any width', () => {
    fc.assert(
      fc.property(matrix, ({ values, rows, columns }) => {
        const quantised = quantiseInt8(values, rows, columns);
        const blocks = Math.ceil(columns / quantBlocks.int8);
        expect([quantised.bytes.length, quantised.scales.length]).toEqual([
          rows * blocks * 64,
          rows * blocks,
        ]);
        const back = dequantise(quantised, 'int8', rows, columns);
        for (let i = 0; i < values.length; i++) {
          const block = Math.floor(i / columns) * blocks + Math.floor((i % columns) / quantBlocks.int8);
          expect(Math.abs(back[i] - values[i])).toBeLessThanOrEqual(0.5001 * quantised.scales[block]);
        }
      }),
    );
  });

  it('loses 0.55 % to 0.75 % of normal random weights, with scales in half precision too', () => {
    const values = gaussianArray(64 * 256, 0.02, seededRandom(5));
    for (const halfScales of [false, true]) {
      const quantised = quantiseInt8(values, 64, 256, { halfScales });
      const error = relativeError(values, dequantise(quantised, 'int8', 64, 256));
      expect(error).toBeGreaterThan(0.0055);
      expect(error).toBeLessThan(0.0075);
      const asStored = float32FromHalf(halfFromFloat32(quantised.scales));
      expect(quantised.scales.every((scale, i) => scale === asStored[i])).toBe(halfScales);
    }
  });
});

describe('int4 blocks', () => {
  it('packs the first of two codes into the low nibble, and holds -8..7 times a scale exactly', () => {
    const values = Float32Array.from({ length: 32 }, (_, i) => 0.5 * ((i % 16) - 8));
    const { bytes, scales } = quantiseInt4(values, 1, 32);
    expect([...bytes.subarray(0, 8)]).toEqual([0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
    expect([...scales]).toEqual([0.5]);
    expect(dequantise({ bytes, scales }, 'int4', 1, 32)).toEqual(values);
  });

  it('loses less than the plain scale of Q4_0 (extreme / -8) does, and under 10 % of normal weights', () => {
    const values = gaussianArray(64 * 256, 0.02, seededRandom(6));
    const plain = new Float32Array(values.length);
    for (let start = 0; start < values.length; start += 32) {
      const block = values.subarray(start, start + 32);
      const scale = block.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)) / -8;
      block.forEach((value, i) => {
        plain[start + i] = scale * (Math.min(15, Math.floor(value / scale + 8.5)) - 8);
      });
    }
    const ours = relativeError(values, dequantise(quantiseInt4(values, 64, 256), 'int4', 64, 256));
    expect(ours).toBeLessThan(0.97 * relativeError(values, plain));
    expect(ours).toBeLessThan(0.1);
  });

  it('never moves a weight by more than one and a half scales, 100 random matrices of any width', () => {
    fc.assert(
      fc.property(matrix, ({ values, rows, columns }) => {
        const quantised = quantiseInt4(values, rows, columns);
        const blocks = Math.ceil(columns / quantBlocks.int4);
        expect([quantised.bytes.length, quantised.scales.length]).toEqual([
          rows * blocks * 16,
          rows * blocks,
        ]);
        const back = dequantise(quantised, 'int4', rows, columns);
        for (let i = 0; i < values.length; i++) {
          const block = Math.floor(i / columns) * blocks + Math.floor((i % columns) / quantBlocks.int4);
          expect(Math.abs(back[i] - values[i])).toBeLessThanOrEqual(1.5 * Math.abs(quantised.scales[block]));
        }
      }),
    );
  });
});

describe.each([
  ['int8', quantiseInt8, 128],
  ['int4', quantiseInt4, 0x88],
] as const)('%s edges', (format, quantise, zero) => {
  it('keeps zeros zero and pads one column over a block to two blocks with the zero code', () => {
    const columns = quantBlocks[format] + 1;
    const { bytes, scales } = quantise(new Float32Array(2 * columns), 2, columns);
    expect(new Set(bytes)).toEqual(new Set([zero]));
    expect([...scales]).toEqual([0, 0, 0, 0]);
    const values = new Float32Array(2 * columns).fill(3);
    const back = dequantise(quantise(values, 2, columns), format, 2, columns);
    expect(relativeError(values, back)).toBeLessThan(1e-6);
  });

  it('refuses values that are no matrix of that size', () => {
    expect(() => quantise(new Float32Array(10), 2, 6)).toThrow(/bug: 10 values/);
  });
});
