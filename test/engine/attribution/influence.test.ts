// Scores as cosines: bounded, blind to the length of any gradient, and equal to the formula written out.
import { describe, expect, it } from 'vitest';
import { emptyRows, quantiseRow } from '../../../engine/attribution/feature-rows.ts';
import { gramMatrix } from '../../../engine/attribution/gram-matrix.ts';
import { influenceIndex } from '../../../engine/attribution/influence.ts';
import { seededNoise } from '../graph/tiny-train-graph.ts';

const width = 600;
const noise = seededNoise(1);
const vector = (): Float32Array => Float32Array.from({ length: width }, noise);
const vectors = Array.from({ length: 14 }, vector);

async function indexOf(list: readonly Float32Array[], trained: number) {
  const rows = emptyRows(list.length, width);
  list.forEach((row, i) => {
    quantiseRow(rows, i, row);
  });
  const gram = { trained, decoys: list.length - trained, values: await gramMatrix(rows) };
  const meta = { damping: 0.1 } as Parameters<typeof influenceIndex>[0]['meta'];
  return influenceIndex({ rows, gram, meta });
}

describe('influence scores', () => {
  it('give an example 1 for its own gradient, and every score lies between -1 and 1', async () => {
    const index = await indexOf(vectors, 10);
    vectors.slice(0, 10).forEach((own, i) => {
      const { trained, decoys } = index.scores(own);
      expect(trained[i]).toBeGreaterThan(0.9999);
      trained.forEach((score, j) => {
        if (j !== i) expect(score).toBeLessThan(trained[i]);
        expect(Math.abs(score)).toBeLessThanOrEqual(1);
      });
      for (const score of decoys) expect(Math.abs(score)).toBeLessThan(0.5);
    });
    expect(index.scores(vectors[12]).decoys[2]).toBeGreaterThan(0.9999);
  });

  it('do not change when one gradient is 1000 times as long', async () => {
    const query = vector();
    const plain = (await indexOf(vectors, 10)).scores(query);
    const longer = vectors.map((row, i) => (i === 3 || i === 11 ? row.map((value) => value * 1024) : row));
    const scaled = (await indexOf(longer, 10)).scores(query.map((value) => value / 1024));
    plain.trained.forEach((score, i) => {
      expect(Math.abs(scaled.trained[i] - score)).toBeLessThan(1e-5);
    });
    plain.decoys.forEach((score, i) => {
      expect(Math.abs(scaled.decoys[i] - score)).toBeLessThan(1e-5);
    });
  });

  it('are 0 for a gradient of zeros, on either side', async () => {
    const zeros = new Float32Array(width);
    const index = await indexOf([...vectors.slice(0, 4), zeros], 5);
    expect([...index.scores(zeros).trained]).toEqual([0, 0, 0, 0, 0]);
    expect(index.scores(vector()).trained[4]).toBe(0);
  });
});
