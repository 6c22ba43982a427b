// The curvature of a version with more contributions than the exact form takes (store-form.ts): the Fisher of some of them,
// spread over all (the landmarks), exact for those. Used by build-large-store.ts. It knows vectors only.
//
// With m landmarks of unit length as rows of L and H = (1/m) LᵀL + λI, λ = c/m (c times the mean eigenvalue over rank m):
//     H⁻¹ v̂ = (v̂ − Lᵀ M⁻¹ L v̂) / λ,   M = LLᵀ + mλI        (Woodbury, as in dual-fisher.ts)
//     h(v) = v̂ᵀ H⁻¹ v̂,   row(v) = sqrt(λ / h(v)) · H⁻¹ v̂    (as in influence-rows.ts with one point)
// With every contribution a landmark this is the exact form (tested). Cost of a vector: 4 · m · width operations.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildOnnx, createGraph, graphInput, graphOutput } from '../../graph/graph-builder.ts';
import { gemm } from '../../graph/ops-matmul.ts';
import { floatsOf, trainingSessionOptions } from '../../train/session-tensors.ts';
import { choleskyFactor, choleskySolve } from '../cholesky.ts';
import { dequantiseRow, type FeatureRows } from '../feature-rows.ts';
import { gramMatrix } from '../gram-matrix.ts';
import { inverseRoot } from '../unit-gram.ts';

export interface LandmarkCurvature {
  /** All inner products of the landmarks, [m, m]: what the curvature is made of. */
  readonly gram: Float64Array;
  /** Replaces each gradient by the row that scores answers. */
  precondition(vectors: readonly Float32Array[]): Promise<void>;
  release(): Promise<void>;
}

const columns = 8192; // of a block; a multiple of the 256 values that share a scale

/** @param damping c */
export async function landmarkCurvature(
  landmarks: FeatureRows,
  damping: number,
  threads: number,
): Promise<LandmarkCurvature> {
  const { count: m, width } = landmarks;
  const gram = await gramMatrix(landmarks);
  const inverseLength = Float64Array.from({ length: m }, (_, i) => inverseRoot(gram[i * m + i]));
  const lambda = damping / m;
  const damped = gram.map((value, at) => value * inverseLength[Math.floor(at / m)] * inverseLength[at % m]);
  for (let i = 0; i < m; i++) damped[i * m + i] += m * lambda;
  const factor = choleskyFactor(damped, m);
  const { seenBy, mixed, release } = await products(m, threads);

  /** Unit rows of the landmarks, columns [from, from + columns); zeros beyond the edge. */
  const block = (from: number): Tensor => {
    const floats = new Float32Array(m * columns);
    for (let row = 0; row < m; row++) {
      const part = floats.subarray(row * columns, (row + 1) * columns);
      dequantiseRow(landmarks, row, part, from);
      for (let i = 0; i < columns; i++) part[i] *= inverseLength[row];
    }
    return new Tensor('float32', floats, [m, columns]);
  };

  return {
    gram,
    precondition: async (vectors) => {
      for (const vector of vectors) toUnitLength(vector);
      const seen = vectors.map(() => new Float64Array(m)); // L v̂
      for (let from = 0; from < width; from += columns) {
        const part = await seenBy(columnsOf(vectors, from), block(from));
        seen.forEach((sums, row) => {
          for (let i = 0; i < m; i++) sums[i] += part[row * m + i];
        });
      }
      const solved = seen.map((sums) => choleskySolve(factor, sums)); // M⁻¹ L v̂
      const scales = solved.map((weights, row) => {
        const part = weights.reduce((sum, value, i) => sum + value * seen[row][i], 0);
        const own = vectors[row].some((value) => value !== 0) ? 1 : 0;
        const leverage = Math.max(0, own - part) / lambda; // h
        return leverage > 0 ? Math.sqrt(lambda / leverage) / lambda : 0;
      });
      const weights = Float32Array.from(solved.flatMap((each) => [...each]));
      for (let from = 0; from < width; from += columns) {
        const mixture = await mixed(new Tensor('float32', weights, [vectors.length, m]), block(from));
        const end = Math.min(columns, width - from);
        vectors.forEach((vector, row) => {
          for (let i = 0; i < end; i++)
            vector[from + i] = scales[row] * (vector[from + i] - mixture[row * columns + i]);
        });
      }
    },
    release,
  };
}

/** Columns [from, from + columns) of all vectors; zeros beyond the edge. */
function columnsOf(vectors: readonly Float32Array[], from: number): Tensor {
  const floats = new Float32Array(vectors.length * columns);
  for (const [row, vector] of vectors.entries())
    floats.set(vector.subarray(from, from + columns), row * columns);
  return new Tensor('float32', floats, [vectors.length, columns]);
}

function toUnitLength(vector: Float32Array): void {
  let squared = 0;
  for (const value of vector) squared += value * value;
  const factor = inverseRoot(squared);
  for (let i = 0; i < vector.length; i++) vector[i] *= factor;
}

interface Products {
  /** vectors [n, columns] · landmarksᵀ -> [n, m] */
  readonly seenBy: (vectors: Tensor, landmarks: Tensor) => Promise<Float32Array>;
  /** weights [n, m] · landmarks -> [n, columns] */
  readonly mixed: (weights: Tensor, landmarks: Tensor) => Promise<Float32Array>;
  readonly release: () => Promise<void>;
}

async function products(m: number, threads: number): Promise<Products> {
  const make = async (width: number, transB: boolean): Promise<InferenceSession> => {
    const g = createGraph('landmarks');
    const a = graphInput(g, 'a', 'f32', ['n', width]);
    const b = graphInput(g, 'b', 'f32', [m, columns]);
    graphOutput(g, 'product', gemm(g, a, b, { transB }));
    return await InferenceSession.create(buildOnnx(g), trainingSessionOptions(threads));
  };
  const [seen, mixed] = [await make(columns, true), await make(m, false)];
  const run = (session: InferenceSession) => async (a: Tensor, b: Tensor) =>
    floatsOf(await session.run({ a, b }), 'product');
  return {
    seenBy: run(seen),
    mixed: run(mixed),
    release: async () => {
      await seen.release();
      await mixed.release();
    },
  };
}
