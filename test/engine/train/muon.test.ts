// Muon: its products against plain arithmetic in f64, the size of its updates, and that it descends.
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createMuon, orthogonaliser } from '../../../engine/train/muon.ts';
import { gaussianArray, seededRandom } from '../../../engine/train/training-random.ts';

type Matrix = readonly (readonly number[])[];
const rowsOf = (data: ArrayLike<number>, columns: number): Matrix =>
  Array.from({ length: data.length / columns }, (_, r) =>
    Array.from({ length: columns }, (_, c) => data[r * columns + c]),
  );
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, c) => row.reduce((sum, value, k) => sum + value * b[k][c], 0)));
const turned = (a: Matrix): Matrix => a[0].map((_, c) => a.map((row) => row[c]));
const mixed = (...parts: readonly (readonly [number, Matrix])[]): Matrix =>
  parts[0][1].map((row, r) => row.map((_, c) => parts.reduce((sum, [f, m]) => sum + f * m[r][c], 0)));

function plainOrthogonal(x: Matrix): Matrix {
  let y = x;
  for (let i = 0; i < 5; i++) {
    const square = product(y, turned(y));
    const middle = mixed([-4.775, square], [2.0315, product(square, square)]);
    y = mixed([3.4445, y], [1, product(middle, y)]);
  }
  return y;
}

function unit(size: number, seed: number): Float32Array {
  const data = gaussianArray(size, 1, seededRandom(seed, 9));
  const norm = Math.hypot(...data);
  return data.map((value) => value / norm);
}

describe('the orthogonal update', () => {
  it.each([
    [6, 10],
    [10, 6],
    [8, 8],
  ])(
    'of a %i x %i matrix is the Newton-Schulz iteration within 1e-4, singular values about 1',
    async (rows, columns) => {
      const both = [unit(rows * columns, 1), unit(rows * columns, 2)];
      const session = await orthogonaliser([2, rows, columns], 1);
      const stacked = Float32Array.from([...both[0], ...both[1]]);
      const { y } = await session.run({ x: new Tensor('float32', stacked, [2, rows, columns]) });
      await session.release();
      both.forEach((data, index) => {
        const got = rowsOf(
          (y.data as Float32Array).slice(index * data.length, (index + 1) * data.length),
          columns,
        );
        const wide = rowsOf(data, columns);
        const wanted = rows <= columns ? plainOrthogonal(wide) : turned(plainOrthogonal(turned(wide)));
        for (const [i, value] of got.flat().entries()) expect(value).toBeCloseTo(wanted.flat()[i], 4);
        // The sum of squared singular values: each between 0.7 and 1.2 (a random square matrix may have one near 0).
        const squares = got.flat().reduce((sum, value) => sum + value * value, 0);
        const least = rows === columns ? 0.49 * (rows - 1) : 0.49 * Math.min(rows, columns);
        expect(squares).toBeGreaterThan(least);
        expect(squares).toBeLessThan(1.45 * Math.min(rows, columns));
      });
    },
  );
});

describe('a Muon update', () => {
  it('finds the target of a quadratic, and leaves weights it was not given alone', async () => {
    const target = gaussianArray(48, 1, seededRandom(3, 9));
    const weights = new Map([
      ['w', { shape: [6, 8], data: new Float32Array(48) }],
      ['other', { shape: [2], data: Float32Array.of(1, 2) }],
    ]);
    const momenta = new Map([['w', { shape: [6, 8], data: new Float32Array(48) }]]);
    const muon = await createMuon(weights, ['w'], { momentum: 0.95, weightDecay: 0, threads: 1 });
    const w = weights.get('w')!.data;
    const distance = () => Math.hypot(...w.map((value, i) => value - target[i]));
    const before = distance();
    for (let step = 0; step < 300; step++) {
      const gradient = w.map((value, i) => value - target[i]);
      await muon.update(new Map([['w', gradient]]), momenta, 0.1 * (1 - step / 300), 1);
    }
    await muon.release();
    expect(distance()).toBeLessThan(before * 0.05);
    expect([...weights.get('other')!.data]).toEqual([1, 2]);
  });

  it('has elements of about 0.2 times the learning rate, whatever the size of the gradient', async () => {
    for (const size of [1e-6, 1, 1e4]) {
      const weights = new Map([['w', { shape: [16, 32], data: new Float32Array(512) }]]);
      const momenta = new Map([['w', { shape: [16, 32], data: new Float32Array(512) }]]);
      const muon = await createMuon(weights, ['w'], { momentum: 0.95, weightDecay: 0.1, threads: 1 });
      const gradient = gaussianArray(512, size, seededRandom(5, 9));
      await muon.update(new Map([['w', gradient]]), momenta, 0.01, 1);
      await muon.release();
      const rms = Math.hypot(...weights.get('w')!.data) / Math.sqrt(512);
      expect(rms / 0.01).toBeGreaterThan(0.15);
      expect(rms / 0.01).toBeLessThan(0.25);
    }
  });
});
