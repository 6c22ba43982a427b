// Cholesky factorisation of a symmetric positive definite matrix and solves with it, in double precision.
// Used by dual-fisher.ts. Knows nothing of gradients. n is a few hundred to a few thousand: n^3/3 multiplications,
// about 0.1 s at n = 500. Invariant: factor() either succeeds or throws, it never returns a factor with a bad pivot.

/** Lower triangular L with L Lᵀ = A, row-major [n, n]; the upper triangle is zero. */
export interface CholeskyFactor {
  readonly n: number;
  readonly lower: Float64Array;
}

/**
 * @param matrix symmetric positive definite, row-major [n, n]; only its lower triangle is read.
 * @throws RangeError when a pivot is not positive (the matrix is not positive definite).
 */
export function choleskyFactor(matrix: Float64Array, n: number): CholeskyFactor {
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j];
      for (let k = 0, a = i * n, b = j * n; k < j; k++) sum -= lower[a + k] * lower[b + k];
      if (j < i) lower[i * n + j] = sum / lower[j * n + j];
      else if (sum > 0) lower[i * n + i] = Math.sqrt(sum);
      else throw new RangeError(`not positive definite: pivot ${i} of ${n} is ${sum}`);
    }
  }
  return { n, lower };
}

/** x with A x = b. */
export function choleskySolve(factor: CholeskyFactor, b: Float64Array): Float64Array {
  const { n, lower } = factor;
  const x = lowerSolve(factor, b);
  for (let i = n - 1; i >= 0; i--) {
    x[i] /= lower[i * n + i];
    for (let k = 0; k < i; k++) x[k] -= lower[i * n + k] * x[i];
  }
  return x;
}

/** y with L y = b; then |y|² = bᵀ A⁻¹ b. */
export function lowerSolve({ n, lower }: CholeskyFactor, b: Float64Array): Float64Array {
  const y = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    let sum = y[i];
    for (let k = 0; k < i; k++) sum -= lower[i * n + k] * y[k];
    y[i] = sum / lower[i * n + i];
  }
  return y;
}
