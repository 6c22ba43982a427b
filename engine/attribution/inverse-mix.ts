// What of its own gradient and of each trained example's a row is made of, for every row of a store: the inverse of the
// damped Fisher, in the trained gradients themselves. Used by influence-rows.ts. It knows inner products only.
//
// With unit gradients v̂ and M = GGᵀ + nλI (dual-fisher.ts):  H⁻¹ v̂ = (v̂ − Gᵀ M⁻¹ G v̂) / λ,  h_v = v̂ᵀ H⁻¹ v̂, and the row
// is w sqrt(λ / h_v) · H⁻¹ v̂ = own_v v + Σ_j mix_vj g_j, gradients as they are, not of unit length.
// Everything happens in the matrix of the products: its lower triangle becomes M's factor, the upper one keeps the products
// that right sides are read from. n³/6 + n²(n + m) multiplications, on one thread: LARGE-STORES.md has what that takes.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { choleskyFactor, createRowSolver } from './cholesky.ts';
import { type GramMatrix, squaredNorm } from './dual-fisher.ts';
import { inverseRoot } from './unit-gram.ts';

/** Right sides that are solved for together: 20 MB of them at ten thousand trained examples. */
const rowsTogether = 256;

/**
 * @param gram its values are overwritten
 * @param damping c of λ = c × mean eigenvalue; weight w
 * @param onRows mix of rows [first, first + some), [some, trained], in order; the array is the caller's
 * @returns own, [trained + decoys]
 * @throws RangeError when all gradients are zero
 */
export async function inverseMix(
  { trained: n, decoys, values }: GramMatrix,
  { damping, weight }: { readonly damping: number; readonly weight: number },
  onRows: (first: number, mix: Float32Array) => void,
): Promise<Float64Array> {
  const size = n + decoys;
  const powers = Float64Array.from({ length: size }, (_, i) => values[i * size + i]);
  const inverse = powers.map(inverseRoot);
  let trace = 0;
  for (let i = 0; i < n; i++) trace += powers[i] * inverse[i] * inverse[i];
  const lambda = (damping * trace) / (n * n);
  if (!(lambda > 0)) throw new RangeError(`no curvature: ${n} examples, gradient power ${trace}`);
  for (let i = 0; i < n; i++) {
    for (let j = 0, at = i * size; j < i; j++, at++) values[at] = values[at] * inverse[i] * inverse[j];
    values[i * size + i] = powers[i] * inverse[i] * inverse[i] + n * lambda;
  }
  const solver = createRowSolver(choleskyFactor(values, n, size), rowsTogether);

  const own = new Float64Array(size);
  const rows = new Float64Array(rowsTogether * n);
  for (let first = 0; first < size; first += rowsTogether) {
    await nextTurn(); // the process may be told to stop
    const count = Math.min(rowsTogether, size - first);
    for (let row = 0; row < count; row++) {
      const v = first + row;
      for (let j = 0; j < n; j++) {
        // of a trained row, what lies below the diagonal is read above it: there it is the factor by now
        const product = v >= n || j > v ? values[v * size + j] : j < v ? values[j * size + v] : powers[v];
        rows[row * n + j] = product * inverse[v] * inverse[j];
      }
    }
    solver.lower(rows, count);
    const scales = Float64Array.from({ length: count }, (_, row) => {
      const v = first + row;
      const seen = squaredNorm(rows.subarray(row * n, (row + 1) * n));
      const leverage = (powers[v] * inverse[v] * inverse[v] - seen) / lambda;
      return leverage > 0 ? weight * Math.sqrt(lambda / leverage) : 0;
    });
    solver.upper(rows, count);
    const mix = new Float32Array(count * n);
    for (let row = 0; row < count; row++) {
      const scale = scales[row];
      own[first + row] = (1 / lambda) * scale * inverse[first + row];
      for (let j = 0, at = row * n; j < n; j++, at++) mix[at] = (-rows[at] / lambda) * scale * inverse[j];
    }
    onRows(first, mix);
  }
  return own;
}
