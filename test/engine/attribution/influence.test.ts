// Scores by one inner product with prepared rows: bounded, blind to the length of any gradient, and equal to the cosine in
// the metric of the inverse curvature written out, for one point and for the sum over several.
import { describe, expect, it } from 'vitest';
import { dualFisher, type GramMatrix } from '../../../engine/attribution/dual-fisher.ts';
import {
  dequantiseRow,
  emptyRows,
  type FeatureRows,
  quantiseRow,
} from '../../../engine/attribution/feature-rows.ts';
import { gramMatrix } from '../../../engine/attribution/gram-matrix.ts';
import { influenceScores } from '../../../engine/attribution/influence.ts';
import {
  coordinateScale,
  dividedGram,
  influenceRows,
  type PointRows,
} from '../../../engine/attribution/influence-rows.ts';
import { rowsInMemory } from '../../../engine/attribution/row-storage.ts';
import { unitGram } from '../../../engine/attribution/unit-gram.ts';
import { seededNoise } from '../graph/tiny-train-graph.ts';

const width = 600;
const damping = 0.1;
const noise = seededNoise(1);
const vector = (): Float32Array => Float32Array.from({ length: width }, noise);
const vectors = Array.from({ length: 14 }, vector);

interface TestPoint extends PointRows {
  readonly rows: FeatureRows;
  readonly gram: GramMatrix;
}

async function pointOf(list: readonly Float32Array[], trained: number, weight = 1): Promise<TestPoint> {
  const rows = emptyRows(list.length, width);
  list.forEach((row, i) => {
    quantiseRow(rows, i, row);
  });
  const values = await gramMatrix(rows);
  const powers = Float64Array.from(list, (_, i) => values[i * list.length + i]);
  return { rows, trained, powers, weight, gram: { trained, decoys: list.length - trained, values } };
}

async function rowsOf(points: readonly PointRows[], coordinateDamping = 0): Promise<FeatureRows> {
  const place = rowsInMemory(points[0].rows.count, width);
  await influenceRows(points, { damping, coordinateDamping }, place);
  return place.finished();
}
const scoresOf = (rows: FeatureRows, query: Float32Array) => influenceScores(rows, 10, query);

/** sqrt(λ / h_v) v̂ᵀ H⁻¹ q̂ by the dual formula itself. */
function written({ rows, gram }: TestPoint, query: Float32Array): readonly number[] {
  const { gram: unit, inverseLength } = unitGram(gram);
  const fisher = dualFisher(unit, damping);
  const length = Math.hypot(...query);
  const products = Float64Array.from({ length: rows.count }, (_, i) => {
    const row = new Float32Array(width);
    dequantiseRow(rows, i, row);
    return (row.reduce((sum, value, at) => sum + value * query[at], 0) * inverseLength[i]) / length;
  });
  const { trained, decoys } = fisher.score({
    trained: products.subarray(0, gram.trained),
    decoys: products.subarray(gram.trained),
    self: 1,
  });
  const leverage = [...fisher.trainedLeverage, ...fisher.decoyLeverage];
  return [...trained, ...decoys].map((score, v) => Math.sqrt(fisher.lambda / leverage[v]) * score);
}

describe('influence scores', () => {
  it('equal the formula within 5e-4, rounded to int8, for trained examples and decoys', async () => {
    const point = await pointOf(vectors, 10);
    const rows = await rowsOf([point]);
    for (const query of [vector(), vectors[3], vectors[12]]) {
      const { trained, decoys } = scoresOf(rows, query);
      const expected = written(point, query);
      [...trained, ...decoys].forEach((score, v) => {
        expect(Math.abs(score - expected[v])).toBeLessThan(5e-4);
      });
    }
  });

  it('of two points are the weighted sum of the scores at each', async () => {
    const one = await pointOf(vectors, 10, 0.75);
    const two = await pointOf(Array.from({ length: 14 }, vector), 10, 0.25);
    const query = vector();
    const both = scoresOf(await rowsOf([one, two]), query);
    const apart = [written(one, query), written(two, query)];
    [...both.trained, ...both.decoys].forEach((score, v) => {
      expect(Math.abs(score - 0.75 * apart[0][v] - 0.25 * apart[1][v])).toBeLessThan(5e-4);
    });
  });

  it("put an example first for its own gradient, and lie between -1 and 1; a decoy's own finds the decoy", async () => {
    const rows = await rowsOf([await pointOf(vectors, 10)]);
    vectors.slice(0, 10).forEach((own, i) => {
      const { trained, decoys } = scoresOf(rows, own);
      trained.forEach((score, j) => {
        if (j !== i) expect(score).toBeLessThan(trained[i]);
        expect(Math.abs(score)).toBeLessThanOrEqual(1);
      });
      for (const score of decoys) expect(score).toBeLessThan(trained[i]);
    });
    const { trained, decoys } = scoresOf(rows, vectors[12]);
    expect(Math.max(...trained, ...decoys)).toBe(decoys[2]);
    expect(decoys[2]).toBeGreaterThan(0.9);
  });

  it('do not change when one gradient is 1024 times as long', async () => {
    const query = vector();
    const plain = scoresOf(await rowsOf([await pointOf(vectors, 10)]), query);
    const longer = vectors.map((row, i) => (i === 3 || i === 11 ? row.map((value) => value * 1024) : row));
    const scaled = scoresOf(
      await rowsOf([await pointOf(longer, 10)]),
      query.map((value) => value / 1024),
    );
    plain.trained.forEach((score, i) => {
      expect(Math.abs(scaled.trained[i] - score)).toBeLessThan(1e-5);
    });
    plain.decoys.forEach((score, i) => {
      expect(Math.abs(scaled.decoys[i] - score)).toBeLessThan(1e-5);
    });
  });

  it('with a diagonal curvature are those of gradients divided by it value by value, the answer untouched', async () => {
    // The first 200 values are 30 times as large as the others: without it they alone would count.
    const loud = vectors.map((row) => row.map((value, k) => (k < 200 ? 30 * value : value)));
    const squares = new Float64Array(width);
    for (const row of loud.slice(0, 10)) {
      const power = row.reduce((sum, value) => sum + value * value, 0);
      row.forEach((value, k) => {
        squares[k] += (value * value) / power;
      });
    }
    const scale = coordinateScale(squares, 0.3);
    const divided = (row: Float32Array): Float32Array => row.map((value, k) => value * scale[k]);
    const rows = await rowsOf([await pointOf(loud, 10)], 0.3);
    const expected = await pointOf(loud.map(divided), 10);
    for (const query of [vector(), loud[4]]) {
      const { trained, decoys } = scoresOf(rows, query);
      const shorter = Math.hypot(...divided(query)) / Math.hypot(...query);
      const formula = written(expected, divided(query));
      [...trained, ...decoys].forEach((score, v) => {
        expect(Math.abs(score - shorter * formula[v])).toBeLessThan(2e-3 * shorter);
      });
    }
  });

  it('are tuned on products of some rows as they are among all, divided by the curvature of all', async () => {
    const point = await pointOf(vectors, 10);
    const all = await dividedGram(point, 0.3);
    const kept = [1, 4, 8];
    const some = await dividedGram(point, 0.3, kept);
    expect([all.trained, all.decoys, some.trained, some.decoys]).toEqual([10, 4, 3, 0]);
    expect([...some.values]).toEqual(kept.flatMap((i) => kept.map((j) => all.values[i * 14 + j])));
  });

  it('are 0 for a gradient of zeros, on either side', async () => {
    const zeros = new Float32Array(width);
    const rows = await rowsOf([await pointOf([...vectors.slice(0, 9), zeros], 10)]);
    expect([...scoresOf(rows, zeros).trained]).toEqual(new Array(10).fill(0));
    expect(scoresOf(rows, vector()).trained[9]).toBe(0);
  });
});
