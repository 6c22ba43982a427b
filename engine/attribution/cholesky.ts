// Cholesky factorisation of a symmetric positive definite matrix and solves with it, in double precision.
// Used by dual-fisher.ts, inverse-mix.ts and landmark-curvature.ts. Knows nothing of gradients. n is a few hundred to ten
// thousand: n³/6 multiplications, in panels of 128 columns whose products panel-product.ts takes off.
// Invariants: factor() either succeeds or throws, it never returns a factor with a bad pivot; every number is made by the
// same operations in the same order as in the textbook's plain loops (the tests have them), so blocks change no bit.
import { createPanelProduct, panelSize } from './panel-product.ts';

/** Lower triangular L with L Lᵀ = A. */
export interface CholeskyFactor {
  readonly n: number;
  /** Places from one row to the next. */
  readonly stride: number;
  /** [n, stride]; only the lower triangle is L, the rest is the caller's. */
  readonly lower: Float64Array;
}

/**
 * Works in place: the matrix's lower triangle becomes the factor's, nothing else is read or changed.
 * @param matrix symmetric positive definite, row-major [n, stride]
 * @throws RangeError when a pivot is not positive (the matrix is not positive definite)
 */
export function choleskyFactor(matrix: Float64Array, n: number, stride = n): CholeskyFactor {
  const product = n > panelSize ? createPanelProduct(n - panelSize) : undefined;
  for (let start = 0; start < n; start += panelSize) {
    const end = Math.min(n, start + panelSize);
    factorPanel(matrix, { n, stride, start, end });
    const panel = { source: matrix, rowStride: stride, steps: end - start };
    product?.pack('left', { ...panel, at: end * stride + start, rows: n - end });
    for (let column = end; column < n; column += panelSize) {
      const columns = Math.min(panelSize, n - column);
      product?.pack('right', { ...panel, at: column * stride + start, rows: columns });
      product?.subtract({
        ...{ target: matrix, at: column * stride + column, stride, rows: n - column, columns },
        leftFrom: column - end,
        columnsOf: (row) => Math.min(columns, row + 1), // what lies above the diagonal stays
      });
    }
  }
  return { n, stride, lower: matrix };
}

/** Columns [start, end) of L, from what earlier panels left of A. */
function factorPanel(
  a: Float64Array,
  { n, stride, start, end }: { n: number; stride: number; start: number; end: number },
): void {
  for (let i = start; i < n; i++) {
    const row = i * stride;
    for (let j = start; j <= i && j < end; j++) {
      let sum = a[row + j];
      for (let k = start, other = j * stride; k < j; k++) sum -= a[row + k] * a[other + k];
      if (j < i) a[row + j] = sum / a[j * stride + j];
      else if (sum > 0) a[row + i] = Math.sqrt(sum);
      else throw new RangeError(`not positive definite: pivot ${i} of ${n} is ${sum}`);
    }
  }
}

/** x with A x = b. */
export function choleskySolve(factor: CholeskyFactor, b: Float64Array): Float64Array {
  const { n, stride, lower } = factor;
  const x = lowerSolve(factor, b);
  for (let i = n - 1; i >= 0; i--) {
    x[i] /= lower[i * stride + i];
    for (let k = 0; k < i; k++) x[k] -= lower[i * stride + k] * x[i];
  }
  return x;
}

/** y with L y = b; then |y|² = bᵀ A⁻¹ b. */
export function lowerSolve({ n, stride, lower }: CholeskyFactor, b: Float64Array): Float64Array {
  const y = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    let sum = y[i];
    for (let k = 0; k < i; k++) sum -= lower[i * stride + k] * y[k];
    y[i] = sum / lower[i * stride + i];
  }
  return y;
}

export interface RowSolver {
  /** Each row b of [count, n] becomes y with L y = b, as lowerSolve() has it, to the bit. */
  lower(rows: Float64Array, count: number): void;
  /** After lower(): each row y becomes x with Lᵀ x = y, so that A x = b, as choleskySolve() has it. */
  upper(rows: Float64Array, count: number): void;
}

/** Solves for many right sides at once. @param countMax of rows in one call */
export function createRowSolver({ n, stride, lower: l }: CholeskyFactor, countMax: number): RowSolver {
  const product = createPanelProduct(countMax);
  return {
    lower: (rows, count) => {
      for (let start = 0; start < n; start += panelSize) {
        const end = Math.min(n, start + panelSize);
        for (let row = 0; row < count * n; row += n)
          for (let i = start; i < end; i++) {
            let sum = rows[row + i];
            for (let k = start, at = i * stride; k < i; k++) sum -= l[at + k] * rows[row + k];
            rows[row + i] = sum / l[i * stride + i];
          }
        const steps = end - start;
        product.pack('left', { source: rows, at: start, rows: count, rowStride: n, steps });
        for (let column = end; column < n; column += panelSize) {
          const columns = Math.min(panelSize, n - column);
          const at = column * stride + start;
          product.pack('right', { source: l, at, rows: columns, rowStride: stride, steps });
          product.subtract({ target: rows, at: column, stride: n, rows: count, columns });
        }
      }
    },
    upper: (rows, count) => {
      const last = Math.floor((n - 1) / panelSize) * panelSize;
      for (let start = last; start >= 0; start -= panelSize) {
        const end = Math.min(n, start + panelSize);
        for (let row = 0; row < count * n; row += n)
          for (let i = end - 1; i >= start; i--) {
            const value = rows[row + i] / l[i * stride + i];
            rows[row + i] = value;
            for (let k = start, at = i * stride; k < i; k++) rows[row + k] -= l[at + k] * value;
          }
        const steps = end - start; // the last first
        const left = { source: rows, at: end - 1, rows: count, rowStride: n };
        product.pack('left', { ...left, steps, stepStride: -1 });
        for (let column = 0; column < start; column += panelSize) {
          const right = { source: l, at: (end - 1) * stride + column, rows: panelSize, rowStride: 1 };
          product.pack('right', { ...right, steps, stepStride: -stride });
          product.subtract({ target: rows, at: column, stride: n, rows: count, columns: panelSize });
        }
      }
    },
  };
}
