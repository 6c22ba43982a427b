// The dual form against the primal damped Fisher written out in full, on small random matrices; and the known result for
// duplicated data (Sherman-Morrison). Plain loops here are the oracle.
import { describe, expect, it } from 'vitest';
import { choleskyFactor, choleskySolve } from '../../../engine/attribution/cholesky.ts';
import { dualFisher, type GramMatrix } from '../../../engine/attribution/dual-fisher.ts';
import { seededNoise } from '../graph/tiny-train-graph.ts';

type Vector = readonly number[];
const dot = (a: Vector, b: Vector): number => a.reduce((sum, value, i) => sum + value * b[i], 0);

function randomVectors(count: number, width: number, seed: number): readonly Vector[] {
  const noise = seededNoise(seed);
  return Array.from({ length: count }, () => Array.from({ length: width }, noise));
}

function gramOf(trained: readonly Vector[], decoys: readonly Vector[]): GramMatrix {
  const all = [...trained, ...decoys];
  return {
    trained: trained.length,
    decoys: decoys.length,
    values: Float64Array.from(all.flatMap((a) => all.map((b) => dot(a, b)))),
  };
}

function productsOf(trained: readonly Vector[], decoys: readonly Vector[], query: Vector) {
  return {
    trained: Float64Array.from(trained, (v) => dot(v, query)),
    decoys: Float64Array.from(decoys, (v) => dot(v, query)),
    self: dot(query, query),
  };
}

/** H = (1/n) Σ g gᵀ + λ I, and H⁻¹ v by Gaussian elimination with pivoting. */
function primalSolve(trained: readonly Vector[], lambda: number, v: Vector): Vector {
  const p = v.length;
  const rows = Array.from({ length: p }, (_, i) => [
    ...Array.from(
      { length: p },
      (_, j) => trained.reduce((sum, g) => sum + g[i] * g[j], 0) / trained.length + (i === j ? lambda : 0),
    ),
    v[i],
  ]);
  for (let i = 0; i < p; i++) {
    const pivot =
      rows
        .slice(i)
        .reduce((best, row, at) => (Math.abs(row[i]) > Math.abs(rows[best + i][i]) ? at : best), 0) + i;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (let k = 0; k < p; k++) {
      if (k === i) continue;
      const factor = rows[k][i] / rows[i][i];
      for (let j = i; j <= p; j++) rows[k][j] -= factor * rows[i][j];
    }
  }
  return rows.map((row, i) => row[p] / row[i]);
}

describe('dual Fisher influence', () => {
  it.each([
    { n: 7, p: 12, c: 0.1 },
    { n: 20, p: 9, c: 1 },
    { n: 15, p: 15, c: 10 },
  ])('equals the primal damped Fisher within 1e-8: n $n, p $p, c $c', ({ n, p, c }) => {
    const trained = randomVectors(n, p, 1);
    const decoys = randomVectors(4, p, 2);
    const [query] = randomVectors(1, p, 3);
    const fisher = dualFisher(gramOf(trained, decoys), c);
    expect(fisher.lambda).toBeCloseTo((c * trained.reduce((sum, g) => sum + dot(g, g), 0)) / (n * n), 12);
    const scores = fisher.score(productsOf(trained, decoys, query));
    const solved = primalSolve(trained, fisher.lambda, query);
    trained.forEach((g, i) => {
      expect(Math.abs(scores.trained[i] - dot(g, solved))).toBeLessThan(1e-8);
    });
    decoys.forEach((d, i) => {
      expect(Math.abs(scores.decoys[i] - dot(d, solved))).toBeLessThan(1e-8);
    });
    expect(Math.abs(scores.self - dot(query, solved))).toBeLessThan(1e-8);
    const own = (v: Vector): number => dot(v, primalSolve(trained, fisher.lambda, v));
    trained.forEach((g, i) => {
      expect(Math.abs(fisher.trainedLeverage[i] - own(g))).toBeLessThan(1e-8);
    });
    decoys.forEach((d, i) => {
      expect(Math.abs(fisher.decoyLeverage[i] - own(d))).toBeLessThan(1e-8);
    });
  });

  it('k copies of one datum together score k / (1 + (k - 1) h / n) of one, as Sherman-Morrison says', () => {
    const trained = randomVectors(10, 30, 4);
    const [query] = randomVectors(1, 30, 5);
    const c = 1;
    const once = dualFisher(gramOf(trained, []), c);
    const single = once.score(productsOf(trained, [], query)).trained[0];
    for (const k of [2, 5, 10]) {
      // F keeps its normalisation by the 10 distinct data, so the copies only add rank-one terms to it.
      const copied = [...trained, ...Array.from({ length: k - 1 }, () => trained[0])];
      const n = copied.length;
      const trace = copied.reduce((sum, g) => sum + dot(g, g), 0);
      const lambdaInCopies = (once.lambda * trained.length) / n; // n λ' = 10 λ
      const many = dualFisher(gramOf(copied, []), (lambdaInCopies * n * n) / trace);
      const scores = many.score(productsOf(copied, [], query)).trained;
      const together = [0, ...Array.from({ length: k - 1 }, (_, i) => trained.length + i)].reduce(
        (sum, i) => sum + (scores[i] * trained.length) / n,
        0,
      );
      const h = once.trainedLeverage[0] / trained.length;
      expect(together / single).toBeCloseTo(k / (1 + (k - 1) * h), 10);
      expect(k / (1 + (k - 1) * h)).toBeGreaterThan(1);
    }
  });

  it('refuses a store without any gradient', () => {
    expect(() => dualFisher(gramOf([[0, 0]], []), 1)).toThrow('no curvature: 1 examples');
  });
});

describe('Cholesky', () => {
  it('solves a 60 x 60 system to 1e-9', () => {
    const vectors = randomVectors(60, 90, 6);
    const matrix = Float64Array.from(
      vectors.flatMap((a, i) => vectors.map((b, j) => dot(a, b) + (i === j ? 1 : 0))),
    );
    const wanted = randomVectors(1, 60, 7)[0];
    const right = Float64Array.from({ length: 60 }, (_, i) =>
      dot([...matrix.slice(i * 60, i * 60 + 60)], wanted),
    );
    const solved = choleskySolve(choleskyFactor(matrix, 60), right);
    wanted.forEach((value, i) => {
      expect(Math.abs(solved[i] - value)).toBeLessThan(1e-9);
    });
  });

  it('names the pivot of a matrix that is not positive definite', () => {
    expect(() => choleskyFactor(Float64Array.of(1, 2, 2, 1), 2)).toThrow('pivot 1 of 2 is -3');
  });
});
