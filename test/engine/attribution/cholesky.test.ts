// The blocked factorisation and its solves against the textbook's loops, written out here: equal to the bit, as what small
// stores hash depends on it. Sizes lie on both sides of the panels of 128 and of the tiles of 4.
import { describe, expect, it } from 'vitest';
import {
  choleskyFactor,
  choleskySolve,
  createRowSolver,
  lowerSolve,
} from '../../../engine/attribution/cholesky.ts';
import { dualFisher } from '../../../engine/attribution/dual-fisher.ts';
import { inverseMix } from '../../../engine/attribution/inverse-mix.ts';
import { unitGram } from '../../../engine/attribution/unit-gram.ts';
import { seededNoise } from '../graph/tiny-train-graph.ts';

/** Products of `size` random vectors, symmetric to the bit. */
function productsOf(size: number, width = 40): Float64Array {
  const noise = seededNoise(size);
  const vectors = Array.from({ length: size }, () => Float64Array.from({ length: width }, noise));
  const values = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      const value = vectors[i].reduce((sum, x, k) => sum + x * vectors[j][k], 0);
      values[i * size + j] = value;
      values[j * size + i] = value;
    }
  return values;
}

function damped(values: Float64Array, size: number): Float64Array {
  return values.map((value, at) => value + (at % (size + 1) === 0 ? 3 : 0));
}

function plainFactor(matrix: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j];
      for (let k = 0; k < j; k++) sum -= lower[i * n + k] * lower[j * n + k];
      lower[i * n + j] = j < i ? sum / lower[j * n + j] : Math.sqrt(sum);
    }
  return lower;
}

describe('Cholesky in panels', () => {
  it.each([1, 5, 127, 128, 129, 259, 390])('has the bits of the plain loops: %i rows', (n) => {
    const matrix = damped(productsOf(n), n);
    const plain = plainFactor(matrix, n);
    const { lower } = choleskyFactor(matrix.slice(), n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        if (lower[i * n + j] !== (j <= i ? plain : matrix)[i * n + j]) expect.fail(`row ${i}, column ${j}`);
  });

  it('works on a corner of a larger matrix and leaves the rest of it alone', () => {
    const [n, stride] = [140, 150];
    const whole = damped(productsOf(stride), stride);
    const corner = Float64Array.from(
      { length: n * n },
      (_, at) => whole[Math.floor(at / n) * stride + (at % n)],
    );
    const plain = plainFactor(corner, n);
    const { lower } = choleskyFactor(whole.slice(), n, stride);
    for (let i = 0; i < stride; i++)
      for (let j = 0; j < stride; j++) {
        const expected = i < n && j <= i ? plain[i * n + j] : whole[i * stride + j];
        if (lower[i * stride + j] !== expected) expect.fail(`row ${i}, column ${j}`);
      }
  });

  it('names the pivot of the second panel that is not positive', () => {
    const matrix = damped(productsOf(200), 200);
    matrix[150 * 201] = -5;
    expect(() => choleskyFactor(matrix, 200)).toThrow(/not positive definite: pivot 150 of 200 is -/);
  });

  it.each([3, 128, 300])('solves for seven right sides as for each alone, to the bit: %i unknowns', (n) => {
    const factor = choleskyFactor(damped(productsOf(n), n), n);
    const noise = seededNoise(9);
    const sides = Array.from({ length: 7 }, () => Float64Array.from({ length: n }, noise));
    const rows = new Float64Array(8 * n);
    for (const [row, side] of sides.entries()) rows.set(side, row * n);
    const solver = createRowSolver(factor, 8);
    solver.lower(rows, 7);
    sides.forEach((side, row) => {
      expect(rows.slice(row * n, (row + 1) * n)).toEqual(lowerSolve(factor, side));
    });
    solver.upper(rows, 7);
    sides.forEach((side, row) => {
      expect(rows.slice(row * n, (row + 1) * n)).toEqual(choleskySolve(factor, side));
    });
    expect([...rows.slice(7 * n)]).toEqual(new Array(n).fill(0));
  });
});

describe('what rows are made of', () => {
  it('is the inverse of the dual form, within 1e-6: 290 trained, 20 decoys, one without a gradient', async () => {
    const [trained, decoys, damping] = [290, 20, 0.2];
    const size = trained + decoys;
    const values = productsOf(size);
    for (let i = 0; i < size; i++) {
      values[17 * size + i] = 0;
      values[i * size + 17] = 0;
    }
    const { gram, inverseLength } = unitGram({ trained, decoys, values });
    const fisher = dualFisher(gram, damping);
    const leverage = [...fisher.trainedLeverage, ...fisher.decoyLeverage];
    const mix = new Float32Array(size * trained);
    const taken = { trained, decoys, values: values.slice() };
    const own = await inverseMix(taken, { damping, weight: 0.5 }, (first, rows) =>
      mix.set(rows, first * trained),
    );
    expect([own[17], mix[17 * trained], mix[17 * trained + 1]].map(Math.abs)).toEqual([0, 0, 0]);
    for (const v of [0, 128, 289, 290, 309]) {
      const row = gram.values.slice(v * size, v * size + trained);
      // H⁻¹ of a trained row's inner products with the others says the same by the dual form's scores.
      const { trained: scores } = fisher.score({ trained: row, decoys: new Float64Array(decoys), self: 1 });
      const scale = 0.5 * Math.sqrt(fisher.lambda / leverage[v]);
      expect(own[v]).toBeCloseTo((scale * inverseLength[v]) / fisher.lambda, 9);
      for (let j = 0; j < trained; j++) {
        const expected = (-scores[j] / trained / fisher.lambda) * scale * inverseLength[j];
        expect(Math.abs(mix[v * trained + j] - expected)).toBeLessThan(1e-6 * own[v]);
      }
    }
  });
});
