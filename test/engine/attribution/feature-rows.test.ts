// Rows of int8: the error bound of the rounding, products against plain sums, the blocked Gram matrix.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockSize,
  dequantiseRow,
  emptyRows,
  quantiseRow,
  rowsTimes,
} from '../../../engine/attribution/feature-rows.ts';
import { gramMatrix } from '../../../engine/attribution/gram-matrix.ts';
import { seededNoise } from '../graph/tiny-train-graph.ts';

/** Vectors whose blocks differ by orders of magnitude, as gradients of different layers do. */
function uneven(count: number, width: number, seed: number): readonly Float32Array[] {
  const noise = seededNoise(seed);
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: width }, (_, i) => noise() * 10 ** -(Math.floor(i / blockSize) % 5)),
  );
}

function rowsOf(vectors: readonly Float32Array[]) {
  const rows = emptyRows(vectors.length, vectors[0].length);
  vectors.forEach((vector, index) => {
    quantiseRow(rows, index, vector);
  });
  return rows;
}

describe('int8 feature rows', () => {
  it('are off by at most half a step of their block, whatever the numbers', () => {
    const floats = fc.float32Array({
      minLength: 1,
      maxLength: 3 * blockSize,
      noNaN: true,
      noDefaultInfinity: true,
      min: Math.fround(-1e30),
      max: Math.fround(1e30),
    });
    fc.assert(
      fc.property(floats, (vector) => {
        const rows = rowsOf([vector]);
        const back = new Float32Array(vector.length);
        dequantiseRow(rows, 0, back);
        vector.forEach((value, i) => {
          const step = rows.scales[Math.floor(i / blockSize)];
          expect(Math.abs(back[i] - value)).toBeLessThanOrEqual(step * 0.5001 + 1e-35);
        });
      }),
    );
  });

  it('keep a vector within 0.5 % where one scale for the whole row loses the small blocks', () => {
    const [vector] = uneven(1, 20 * blockSize, 1);
    const back = new Float32Array(vector.length);
    dequantiseRow(rowsOf([vector]), 0, back);
    for (let start = 0; start < vector.length; start += blockSize) {
      const error = Math.hypot(...vector.slice(start, start + blockSize).map((v, i) => v - back[start + i]));
      expect(error / Math.hypot(...vector.slice(start, start + blockSize))).toBeLessThan(0.005);
    }
  });

  it('multiply with a query as the dequantised rows do', () => {
    const rows = rowsOf(uneven(5, 1000, 2));
    const [query] = uneven(1, 1000, 3);
    const products = rowsTimes(rows, query);
    const row = new Float32Array(1000);
    for (let i = 0; i < 5; i++) {
      dequantiseRow(rows, i, row);
      expect(products[i]).toBeCloseTo(
        row.reduce((sum, value, j) => sum + value * query[j], 0),
        4,
      );
    }
    expect(() => rowsTimes(rows, query.subarray(1))).toThrow('a query of 999 values where rows have 1000');
  });

  it('give a symmetric Gram matrix equal to plain products, across block edges (150 rows, 9,000 values)', async () => {
    const rows = rowsOf(uneven(150, 9000, 4));
    const gram = await gramMatrix(rows);
    const row = new Float32Array(9000);
    for (const i of [0, 127, 128, 149]) {
      dequantiseRow(rows, i, row);
      const plain = rowsTimes(rows, row);
      for (let j = 0; j < 150; j++) {
        expect(Math.abs(gram[i * 150 + j] - plain[j]) / gram[i * 150 + i]).toBeLessThan(1e-5);
        expect(gram[j * 150 + i]).toBe(gram[i * 150 + j]);
      }
    }
  });
});
