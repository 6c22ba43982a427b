// The fast scan against the plain products: SIMD, sketches, shortlists; rows in memory and rows that are read one by one.
// Covered: odd widths, fewer and more rows than the shortlist, decoys that decide the floor, rows passed over, memory that is
// let go. Time is in the benchmark.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { emptyRows, type FeatureRows, quantiseRow } from '../../../../engine/attribution/feature-rows.ts';
import { influenceScores } from '../../../../engine/attribution/influence.ts';
import { gradientSketch } from '../../../../engine/attribution/scan/gradient-sketch.ts';
import { quantiseVector } from '../../../../engine/attribution/scan/quantise-vector.ts';
import { createRowScan, type RowSource, scanOfRows } from '../../../../engine/attribution/scan/row-scan.ts';
import { createDotKernel } from '../../../../engine/attribution/scan/simd-dot.ts';
import { noiseFloor, sharesOf } from '../../../../engine/attribution/shares.ts';
import { fillRandom } from '../../../support/random-numbers.ts';

const width = 20_000 + 37;
const trained = 150;
const decoys = 60;

/** Random numbers around 0 of a deviation, in the same order every time. */
function random(length: number, seed: number, deviation = 1): Float32Array {
  const values = new Float32Array(length);
  fillRandom(values, seed, deviation, 0);
  return values;
}

/** Unit rows; the query is made of rows 5 and 40 and decoy 7, and of noise. */
function world(): { readonly rows: FeatureRows; readonly query: Float32Array } {
  const rows = emptyRows(trained + decoys, width);
  const query = random(width, 1000);
  const mix = new Map([
    [5, 0.8],
    [40, 0.4],
    [trained + 7, 0.2],
  ]);
  for (let row = 0; row < rows.count; row++) {
    const vector = random(width, row, 1 / Math.sqrt(width));
    quantiseRow(rows, row, vector);
    const part = (mix.get(row) ?? 0) * Math.sqrt(width);
    for (let i = 0; i < width; i++) query[i] += part * vector[i];
  }
  return { rows, query };
}
const { rows, query } = world();

describe('integer products', () => {
  it('are exact for every length of 16 and any stride of the query', () => {
    const [count, length] = [5, 48];
    const { memory, dots } = createDotKernel(4096);
    const bytes = Int8Array.from(random(2 * count * length, 3, 40));
    new Int8Array(memory.buffer).set(bytes);
    const products = (stride: number): number[] => {
      dots(0, count, length, count * length, stride, 2048);
      return [...new Int32Array(memory.buffer, 2048, count)];
    };
    const plain = (stride: number): number[] =>
      Array.from({ length: count }, (_, row) =>
        bytes
          .slice(row * length, (row + 1) * length)
          .reduce((sum, value, i) => sum + value * bytes[count * length + row * stride + i], 0),
      );
    expect(products(0)).toEqual(plain(0));
    expect(products(length)).toEqual(plain(length));
  });

  it('touch nothing where there is no row', () => {
    const { memory, dots } = createDotKernel(1024);
    dots(0, 0, 64, 128, 0, 512);
    expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true);
  });
});

describe('a vector in blocks of codes', () => {
  it('is within half a scale of what it was, zero blocks and the largest values included', () => {
    const vector = random(700, 5, 1e-6).fill(0, 256, 512);
    const codes = new Int8Array(700);
    const scales = new Float32Array(3);
    quantiseVector(vector, codes, scales, 256);
    expect(scales[1]).toBe(0);
    for (let i = 0; i < 700; i++) {
      const scale = scales[Math.floor(i / 256)];
      expect(Math.abs(vector[i] - codes[i] * scale)).toBeLessThanOrEqual(scale * 0.5001);
    }
    expect(Math.max(...codes.map(Math.abs))).toBe(127);
  });
});

describe('sketches', () => {
  it('keep inner products within 5 / sqrt(width) of the lengths, and are the same every time', () => {
    const a = random(5000, 7);
    const b = random(5000, 8).map((value, i) => value + 0.5 * a[i]);
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i], 0);
    for (const size of [512, 4096]) {
      const { sketch } = gradientSketch(5000, size);
      const error = Math.abs(dot(sketch(a), sketch(b)) - dot(a, b));
      expect(error).toBeLessThan((5 * Math.sqrt(dot(a, a) * dot(b, b))) / Math.sqrt(size));
      expect(gradientSketch(5000, size).sketch(a)).toEqual(sketch(a));
    }
  });
});

describe('the scan of rows', () => {
  it('gives every score in full within 1e-3 of the plain products', () => {
    const plain = influenceScores(rows, trained, query);
    const found = scanOfRows(rows, trained).exact(query);
    expect(plain.trained[5]).toBeGreaterThan(0.3);
    for (const kind of ['trained', 'decoys'] as const) {
      expect(found[kind]).toHaveLength(plain[kind].length);
      for (const [i, score] of plain[kind].entries())
        expect(Math.abs(found[kind][i] - score)).toBeLessThan(1e-3);
    }
  });

  it('reads 72 of 210 rows for a shortlist and pays the same two under the same floor, within 0.03 of the shares of all rows', () => {
    const scan = scanOfRows(rows, trained);
    const full = scan.exact(query);
    const short = scan.shortlist(query, 0.98);
    expect(short.rowsRead).toBe(32 + 16 + 4 * Math.ceil(0.02 * decoys));
    expect(short.noiseFloor).toBe(noiseFloor(full.decoys, 0.98));
    const far = (scores: Float64Array) =>
      [...scores.entries()].filter(([, score]) => score > 2 * short.noiseFloor);
    expect(far(short.trained)).toEqual(far(full.trained));
    expect(far(short.trained).map(([row]) => row)).toEqual([5, 40]);
    const paid = sharesOf(full.trained, short.noiseFloor, 1);
    const shares = sharesOf(short.trained, short.noiseFloor, 1);
    const apart = shares.reduce((sum, share, i) => sum + Math.abs(share - paid[i]) / 2, 0);
    expect(apart).toBeLessThan(0.03);
  });

  it('scores 11 answers together as each alone, to the bit', () => {
    const many = Array.from({ length: 11 }, (_, i) => query.map((value, at) => value + (at % (i + 2))));
    for (const scan of [scanOfRows(rows, trained), scanOfRows({ ...rows, count: 90 }, 60)]) {
      const together = scan.shortlists(many, 0.98);
      expect(together).toEqual(many.map((one) => scan.shortlist(one, 0.98)));
      expect(together[0]).not.toEqual(together[1]);
    }
    expect(scanOfRows(rows, trained).shortlists([], 0.98)).toEqual([]);
  });

  it('finds rows whose sketches lie in different pieces: 17 and 290 of 400', () => {
    const wide = emptyRows(400, 33_000);
    for (let row = 0; row < wide.count; row++)
      quantiseRow(wide, row, random(33_000, row, 1 / Math.sqrt(33_000)));
    const scan = scanOfRows(wide, 300);
    const exact = scan.exact(random(33_000, 17));
    expect(exact.trained[17]).toBeGreaterThan(0.99 * Math.max(...exact.trained));
    const [first, second] = scan.shortlists([random(33_000, 17), random(33_000, 290)], 0.99);
    expect(first.trained[17]).toBe(exact.trained[17]);
    expect(first.trained.indexOf(Math.max(...first.trained))).toBe(17);
    expect(second.trained.indexOf(Math.max(...second.trained))).toBe(290);
  });

  it('reads all of a few rows', () => {
    const few = scanOfRows({ ...rows, count: 90, values: rows.values.subarray(0, 90 * width) }, 60);
    expect(few.shortlist(query, 0.99)).toMatchObject({ rowsRead: 90, trained: few.exact(query).trained });
  });

  it('scores rows that lie elsewhere as those in memory, reading only the shortlist', () => {
    const asked: number[] = [];
    const read: RowSource['read'] = (index, values, scales) => {
      asked.push(index);
      values.set(rows.values.subarray(index * width, (index + 1) * width));
      scales.set(rows.scales.subarray(index * rows.blocks, (index + 1) * rows.blocks));
    };
    const scan = createRowScan({ source: { ...rows, read }, trained, resident: false });
    expect(scan.shortlist(query, 0.98)).toEqual(scanOfRows(rows, trained).shortlist(query, 0.98));
    asked.length = 0;
    const { rowsRead } = scan.shortlist(query, 0.98);
    expect(asked).toHaveLength(rowsRead);
  });

  it('gives no place in a shortlist to rows that are passed over: the next best are read instead', () => {
    const best = [...scanOfRows(rows, trained).exact(query).trained.entries()].sort(([, a], [, b]) => b - a);
    const passedOver = new Set(best.slice(0, 40).map(([row]) => row));
    const scan = scanOfRows(rows, trained, passedOver);
    const { trained: scores, noiseFloor: floor, rowsRead } = scan.shortlist(query, 0.98);
    expect(rowsRead).toBe(32 + 16 + 4 * Math.ceil(0.02 * decoys));
    for (const row of passedOver) expect(scores[row]).toBeLessThanOrEqual(floor);
    const [next, score] = best[40];
    expect(scores[next]).toBe(score);
  });

  it('holds rows once: what they came from is let go', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const made = (() => {
      const some = emptyRows(4, 4096);
      return { came: new WeakRef(some.values), scan: scanOfRows(some, 3) };
    })();
    await new Promise((resolve) => setTimeout(resolve)); // a reference lives until its turn ends
    collect();
    expect(made.came.deref()).toBeUndefined();
    expect(made.scan.exact(new Float32Array(4096)).trained).toHaveLength(3);
    expect(made.scan.bytes).toBeGreaterThan(4 * (4096 + 16_384));
  });

  it('gives an empty gradient no score', () => {
    const { trained: scores, noiseFloor: floor } = scanOfRows(rows, trained).shortlist(
      new Float32Array(width),
      0.99,
    );
    expect(scores.every((score) => score === 0)).toBe(true);
    expect(floor).toBe(0);
  });

  it('refuses a gradient of another width', () => {
    expect(() => scanOfRows(rows, trained).exact(query.subarray(1))).toThrow(
      `a gradient of ${width - 1} values`,
    );
  });
});
