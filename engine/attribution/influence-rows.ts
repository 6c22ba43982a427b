// Rows that score an answer by one inner product: what is dear (the curvature's inverse, unit lengths, the sum over several
// points of the training) is done once for a version. Used by the store builder; read by influence.ts.
//
// For a row v (a trained example or a decoy) and gradient points t of the version, with unit gradients v̂, ĝ and
// H_t = (1/n) Σ ĝ_i(t) ĝ_i(t)ᵀ + λ_t I over the trained examples,
//     r_v = Σ_t w_t sqrt(λ_t / h_v(t)) · H_t⁻¹ v̂(t),  Σ_t w_t = 1,   h_v(t) = v̂(t)ᵀ H_t⁻¹ v̂(t)
// and score(v, q) = r_v · q̂ in [−1, 1]. With one point this is the cosine in the metric of H⁻¹ (TrackStar,
// arxiv.org/abs/2410.17413) up to a factor that is the same for all v, so shares and floors are those of the cosine.
// Before that every gradient is multiplied, value by value, with D_t(k) = κ m / (rms_k + κ m), the root mean square of value k
// over the trained unit gradients and m that over all values: a diagonal curvature, as Adam's own steps have it. D_t goes into
// the row, so an answer's gradient needs nothing: r_v = Σ_t w_t D_t (…).
// Invariant: the same rows give the same bytes.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildOnnx, createGraph, graphInput, graphOutput } from '../graph/graph-builder.ts';
import { gemm } from '../graph/ops-matmul.ts';
import { dualFisher, type GramMatrix } from './dual-fisher.ts';
import { dequantiseRow, emptyRows, type FeatureRows, quantiseBlocks } from './feature-rows.ts';
import { gramMatrix } from './gram-matrix.ts';
import { unitGram } from './unit-gram.ts';

/** The gradients of trained examples and decoys at one point, and their inner products. */
export interface PointRows {
  readonly rows: FeatureRows;
  readonly gram: GramMatrix;
  /** w_t */
  readonly weight: number;
}

const rowBlock = 128;
const columnBlock = 8192; // a multiple of the 256 values that share a scale

/**
 * @param points at least one; all have the same rows in the same order
 * @param damping c of λ = c × mean eigenvalue, for each point
 * @param coordinateDamping κ; 0 = gradients as they are
 * @returns [trained + decoys, width]
 */
export async function influenceRows(
  points: readonly PointRows[],
  damping: number,
  coordinateDamping = 0,
): Promise<FeatureRows> {
  const [{ rows: first, gram }] = points;
  const scales: (Float32Array | undefined)[] = [];
  const mixes: Mix[] = [];
  for (const point of points) {
    const scale = coordinateDamping === 0 ? undefined : scaleOfRows(point, coordinateDamping);
    scales.push(scale);
    mixes.push(mixOf({ ...point, gram: await scaledGram(point, scale) }, damping));
  }
  const result = emptyRows(first.count, first.width);
  const multiply = await matrixProduct();
  try {
    for (let column = 0; column < first.width; column += columnBlock) {
      const sums = new Float32Array(first.count * columnBlock);
      for (const [t, { rows }] of points.entries()) {
        const scale = scales[t];
        const floats = floatColumns(rows, column, scale);
        const part = new Float32Array(sums.length);
        await multiply.add(mixes[t].mix, floats, part, first.count, gram.trained);
        addScaled(sums, part, floats, mixes[t].own, scale?.subarray(column, column + columnBlock));
      }
      for (let v = 0; v < first.count; v++)
        quantiseBlocks(result, v, sums.subarray(v * columnBlock, (v + 1) * columnBlock), column);
    }
  } finally {
    await multiply.release();
  }
  return result;
}

/** sums += (part + own × floats) × scale, all [rows, columnBlock], own [rows], scale [columnBlock] or shorter at the edge. */
function addScaled(
  sums: Float32Array,
  part: Float32Array,
  floats: Float32Array,
  own: Float64Array,
  scale: Float32Array = new Float32Array(columnBlock).fill(1),
): void {
  for (let v = 0, row = 0; v < own.length; v++, row += columnBlock) {
    const factor = own[v];
    for (let k = 0, at = row; k < scale.length; k++, at++)
      sums[at] += (part[at] + factor * floats[at]) * scale[k];
  }
}

/** Inner products of a point's rows after the diagonal curvature has divided them. */
export async function dividedGram(point: PointRows, coordinateDamping: number): Promise<GramMatrix> {
  return await scaledGram(point, coordinateDamping === 0 ? undefined : scaleOfRows(point, coordinateDamping));
}

async function scaledGram({ rows, gram }: PointRows, scale: Float32Array | undefined): Promise<GramMatrix> {
  return scale ? { ...gram, values: await gramMatrix(rows, scale) } : gram;
}

/** D of one point. */
function scaleOfRows({ rows, gram }: PointRows, coordinateDamping: number): Float32Array {
  const squares = new Float64Array(rows.width);
  const row = new Float32Array(rows.width);
  for (let i = 0; i < gram.trained; i++) {
    row.fill(0);
    dequantiseRow(rows, i, row);
    const power = gram.values[i * rows.count + i];
    if (power > 0) for (let k = 0; k < row.length; k++) squares[k] += row[k] ** 2 / power;
  }
  return coordinateScale(squares, coordinateDamping);
}

/**
 * D(k) = κ m / (rms_k + κ m), in (0, 1], so that scores stay between -1 and 1.
 * @param squares [width] of unit gradients, summed or averaged over examples
 */
export function coordinateScale(squares: Float64Array, coordinateDamping: number): Float32Array {
  const mean = Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / squares.length);
  if (!(mean > 0)) return new Float32Array(squares.length).fill(1);
  const least = coordinateDamping * mean;
  return Float32Array.from(squares, (value) => least / (Math.sqrt(value) + least));
}

interface Mix {
  /** [rows] weight of the row's own gradient, not of unit length. */
  readonly own: Float64Array;
  /** [rows, trained] of each trained example's gradient. */
  readonly mix: Float32Array;
}

function mixOf({ gram, weight }: PointRows, damping: number): Mix {
  const { trained, decoys } = gram;
  const { gram: unit, inverseLength } = unitGram(gram);
  const fisher = dualFisher(unit, damping);
  const leverage = [...fisher.trainedLeverage, ...fisher.decoyLeverage];
  const { own, mix } = fisher.inverseRows();
  const scale = Float64Array.from({ length: trained + decoys }, (_, v) =>
    leverage[v] > 0 ? weight * Math.sqrt(fisher.lambda / leverage[v]) : 0,
  );
  return {
    own: own.map((value, v) => value * scale[v] * inverseLength[v]),
    mix: Float32Array.from(mix, (value, at) => {
      const v = Math.floor(at / trained);
      return value * scale[v] * inverseLength[at % trained];
    }),
  };
}

/** Columns [column, + columnBlock) of all rows as floats, scaled, [rows, columnBlock]; zeros beyond the edge. */
function floatColumns(rows: FeatureRows, column: number, scale: Float32Array | undefined): Float32Array {
  const floats = new Float32Array(rows.count * columnBlock);
  const width = Math.min(columnBlock, rows.width - column);
  for (let row = 0; row < rows.count; row++) {
    const part = floats.subarray(row * columnBlock, (row + 1) * columnBlock);
    dequantiseRow(rows, row, part, column);
    if (scale) for (let k = 0; k < width; k++) part[k] *= scale[column + k];
  }
  return floats;
}

interface MatrixProduct {
  /** sums += mix [count, inner] · floats' first `inner` rows [inner, columnBlock] */
  add(
    mix: Float32Array,
    floats: Float32Array,
    sums: Float32Array,
    count: number,
    inner: number,
  ): Promise<void>;
  release(): Promise<void>;
}

async function matrixProduct(): Promise<MatrixProduct> {
  const g = createGraph('combine');
  const a = graphInput(g, 'a', 'f32', [rowBlock, rowBlock]);
  const b = graphInput(g, 'b', 'f32', [rowBlock, columnBlock]);
  graphOutput(g, 'product', gemm(g, a, b, {})); // [rowBlock, columnBlock]
  const session = await InferenceSession.create(buildOnnx(g), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  return {
    add: async (mix, floats, sums, count, inner) => {
      for (let j = 0; j < inner; j += rowBlock) {
        const right = new Float32Array(rowBlock * columnBlock);
        right.set(floats.subarray(j * columnBlock, Math.min(inner, j + rowBlock) * columnBlock));
        const b = new Tensor('float32', right, [rowBlock, columnBlock]);
        for (let i = 0; i < count; i += rowBlock) {
          const left = new Float32Array(rowBlock * rowBlock);
          for (let row = 0; row < Math.min(rowBlock, count - i); row++) {
            const from = (i + row) * inner + j;
            left.set(mix.subarray(from, from + Math.min(rowBlock, inner - j)), row * rowBlock);
          }
          const { product } = await session.run({ a: new Tensor('float32', left, [rowBlock, rowBlock]), b });
          if (!(product.data instanceof Float32Array)) throw new Error('bug: product is not f32');
          const end = Math.min(rowBlock, count - i) * columnBlock;
          const { data } = product;
          for (let from = 0, to = i * columnBlock; from < end; from++, to++) sums[to] += data[from];
        }
      }
    },
    release: () => session.release(),
  };
}
