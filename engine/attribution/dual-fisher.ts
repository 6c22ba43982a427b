// The damped empirical-Fisher influence of training examples on an answer, computed exactly in its dual form.
// Used by the choice of the damping, the comparison of methods and the bench; inverse-mix.ts does the same for every row of
// a store at once, in the memory of the products. Knows inner products only: no gradients, no files, no model.
//
// With F = (1/n) Σ g_i g_iᵀ over the n trained examples and H = F + λI (Koh & Liang, arxiv.org/abs/1703.04730, with the
// empirical Fisher as curvature), the influence of a vector v on the query q is s(v) = vᵀ H⁻¹ q. By the Woodbury
// identity, with M = GGᵀ + nλI:
//     s(v) = (v·q − (Gv)ᵀ M⁻¹ (Gq)) / λ        for any v (decoys included)
//     s(g_i) = n (M⁻¹ Gq)_i                    for a trained example
// Damping λ = c × mean eigenvalue of F over its rank n, i.e. c × Σ|g_i|² / n².
import { type CholeskyFactor, choleskyFactor, choleskySolve, createRowSolver } from './cholesky.ts';

/** Inner products of the n trained examples followed by the m decoys: row-major [n + m, n + m], symmetric. */
export interface GramMatrix {
  readonly trained: number;
  readonly decoys: number;
  readonly values: Float64Array;
}

interface DualFisher {
  readonly lambda: number;
  /** hᵢ = vᵀ H⁻¹ v of each trained example, [n]: its leverage, in H's own scale. */
  readonly trainedLeverage: Float64Array;
  /** The same of each decoy, [m]. */
  readonly decoyLeverage: Float64Array;
  /** Scores of all trained examples and decoys for one query. */
  score(query: QueryProducts): FisherScores;
}

/** Inner products of the query's gradient with the stored rows, and with itself. */
export interface QueryProducts {
  /** [n] */
  readonly trained: Float64Array;
  /** [m] */
  readonly decoys: Float64Array;
  readonly self: number;
}

interface FisherScores {
  /** vᵀ H⁻¹ q, [n]; positive = training on it made the answer likelier. */
  readonly trained: Float64Array;
  /** [m] */
  readonly decoys: Float64Array;
  /** qᵀ H⁻¹ q */
  readonly self: number;
}

/** Right sides that are solved for together. */
const rowsTogether = 256;

/**
 * Factors the curvature once for a model version.
 * @param damping c: λ as a multiple of F's mean eigenvalue, > 0
 * @throws RangeError when there is no example or all gradients are zero
 */
export function dualFisher(gram: GramMatrix, damping: number): DualFisher {
  const { trained: n, decoys: m, values } = gram;
  const size = n + m;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += values[i * size + i];
  const lambda = (damping * trace) / (n * n);
  if (!(lambda > 0)) throw new RangeError(`no curvature: ${n} examples, gradient power ${trace}`);

  const damped = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) damped[i * n + j] = values[i * size + j];
    damped[i * n + i] += n * lambda;
  }
  const factor = choleskyFactor(damped, n);
  const leverage = leveragesOf(gram, factor, lambda);
  return {
    lambda,
    trainedLeverage: leverage.slice(0, n),
    decoyLeverage: leverage.slice(n),
    score: (query) => scoreQuery(gram, factor, lambda, query),
  };
}

/** vᵀ H⁻¹ v from Gv and v·v, of every row. */
function leveragesOf(
  { trained: n, decoys, values }: GramMatrix,
  factor: CholeskyFactor,
  lambda: number,
): Float64Array {
  const size = n + decoys;
  const together = Math.min(rowsTogether, size);
  const solver = createRowSolver(factor, together);
  const rows = new Float64Array(together * n);
  const leverage = new Float64Array(size);
  for (let first = 0; first < size; first += together) {
    const count = Math.min(together, size - first);
    for (let row = 0; row < count; row++) {
      const from = (first + row) * size;
      rows.set(values.subarray(from, from + n), row * n);
    }
    solver.lower(rows, count);
    for (let row = 0; row < count; row++) {
      const at = first + row;
      leverage[at] = (values[at * size + at] - squaredNorm(rows.subarray(row * n, (row + 1) * n))) / lambda;
    }
  }
  return leverage;
}

function scoreQuery(
  { trained: n, decoys: m, values }: GramMatrix,
  factor: CholeskyFactor,
  lambda: number,
  query: QueryProducts,
): FisherScores {
  const size = n + m;
  const solved = choleskySolve(factor, query.trained); // M⁻¹ G q
  const decoys = new Float64Array(m);
  for (let d = 0; d < m; d++) {
    let seen = 0;
    for (let i = 0; i < n; i++) seen += values[(n + d) * size + i] * solved[i];
    decoys[d] = (query.decoys[d] - seen) / lambda;
  }
  let seen = 0;
  for (let i = 0; i < n; i++) seen += query.trained[i] * solved[i];
  return { trained: solved.map((value) => value * n), decoys, self: (query.self - seen) / lambda };
}

/** |v|² */
export function squaredNorm(vector: Float64Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return sum;
}
