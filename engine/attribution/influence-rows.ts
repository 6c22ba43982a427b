// Rows that score an answer by one inner product: what is dear (the curvature's inverse, unit lengths, the sum over several
// points of the training) is done once for a version. Used by the store builder; read by influence.ts and row-scan.ts.
//
// For a row v (a trained example or a decoy) and gradient points t of the version, with unit gradients v̂, ĝ and
// H_t = (1/n) Σ ĝ_i(t) ĝ_i(t)ᵀ + λ_t I over the trained examples,
//     r_v = Σ_t w_t sqrt(λ_t / h_v(t)) · H_t⁻¹ v̂(t),  Σ_t w_t = 1,   h_v(t) = v̂(t)ᵀ H_t⁻¹ v̂(t)
// and score(v, q) = r_v · q̂ in [−1, 1]. With one point this is the cosine in the metric of H⁻¹ (TrackStar,
// arxiv.org/abs/2410.17413) up to a factor that is the same for all v, so shares and floors are those of the cosine.
// Before that every gradient is multiplied, value by value, with D_t(k) = κ m / (rms_k + κ m), the root mean square of value k
// over the trained unit gradients and m that over all values: a diagonal curvature, as Adam's own steps have it. D_t goes into
// the row, so an answer's gradient needs nothing: r_v = Σ_t w_t D_t (…).
// Gradients, mixes and results lie where the build keeps them (row-storage.ts). In memory here, at ten thousand rows: 0.84 GB
// of products, and twice 0.34 GB of floats of one block of columns.
// Invariant: the same rows give the same bytes, wherever they lie.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildOnnx, createGraph, graphInput, graphOutput } from '../graph/graph-builder.ts';
import { gemm } from '../graph/ops-matmul.ts';
import {
  type ColumnBlocks,
  columnBlock,
  createColumnBlocks,
  pickRows,
  type ReadableRows,
  rowBlock,
} from './column-blocks.ts';
import type { GramMatrix } from './dual-fisher.ts';
import { gramMatrix } from './gram-matrix.ts';
import { inverseMix } from './inverse-mix.ts';

/** The gradients of trained examples, then decoys, at one point. */
export interface PointRows {
  readonly rows: ReadableRows;
  readonly trained: number;
  /** [rows] each one's product with itself, as gramMatrix() has it. */
  readonly powers: Float64Array;
  /** w_t */
  readonly weight: number;
}

/** Of each row's parts in the trained gradients, [rows, trained]. */
export interface MixTable {
  write(first: number, mix: Float32Array): void;
  /** Rows [first, first + count), good until the next call. */
  read(first: number, count: number): Float32Array;
}

interface RowsPlace {
  /** Room for one more point's. */
  mixes(rows: number, trained: number): MixTable;
  /** Takes values [column, column + columnBlock) of all finished rows, [rows, columnBlock]; zeros beyond their ends. */
  put(column: number, values: Float32Array): void;
}

interface Dampings {
  /** c of λ = c × mean eigenvalue, for each point. */
  readonly damping: number;
  /** κ; 0 = gradients as they are. */
  readonly coordinateDamping: number;
}

/**
 * @param points at least one; all have the same rows in the same order
 * @param products [rows, rows], overwritten
 */
export async function influenceRows(
  points: readonly PointRows[],
  { damping, coordinateDamping }: Dampings,
  place: RowsPlace,
  products = new Float64Array(points[0].rows.count ** 2),
): Promise<void> {
  const [{ rows: first, trained }] = points;
  const mixed: MixedPoint[] = [];
  for (const point of points) {
    const scale = scaleOfRows(point, coordinateDamping);
    const values = await gramMatrix(point.rows, scale, products);
    const gram = { trained, decoys: first.count - trained, values };
    const mixes = place.mixes(first.count, trained);
    const own = await inverseMix(gram, { damping, weight: point.weight }, mixes.write);
    mixed.push({ rows: point.rows, scale, own, mixes });
  }
  await combine(mixed, trained, place.put);
}

/** Inner products of a point's rows after the diagonal curvature has divided them. @param kept some trained rows; left out: all rows */
export async function dividedGram(
  point: PointRows,
  coordinateDamping: number,
  kept?: readonly number[],
): Promise<GramMatrix> {
  const { rows, trained } = point;
  const some = kept === undefined ? rows : pickRows(rows, kept);
  const values = await gramMatrix(some, scaleOfRows(point, coordinateDamping));
  return { trained: kept?.length ?? trained, decoys: kept === undefined ? rows.count - trained : 0, values };
}

/** D of one point; undefined = 1. */
function scaleOfRows(
  { rows, trained, powers }: PointRows,
  coordinateDamping: number,
): Float32Array | undefined {
  if (coordinateDamping === 0) return undefined;
  const squares = new Float64Array(rows.width);
  const blocks = createColumnBlocks(rows.count);
  for (let column = 0; column < rows.width; column += columnBlock) {
    blocks.load(rows, column);
    const width = Math.min(columnBlock, rows.width - column);
    for (let i = 0; i < trained; i++) {
      const power = powers[i];
      const row = blocks.floats.subarray(i * columnBlock, i * columnBlock + width);
      if (power > 0) for (let k = 0; k < width; k++) squares[column + k] += row[k] ** 2 / power;
    }
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

interface MixedPoint {
  readonly rows: ReadableRows;
  readonly scale: Float32Array | undefined;
  /** [rows] weight of the row's own gradient, not of unit length. */
  readonly own: Float64Array;
  readonly mixes: MixTable;
}

/** Rows = Σ over points of D (own · gradient + mix · trained gradients), block of columns by block of columns. */
async function combine(points: readonly MixedPoint[], trained: number, put: RowsPlace['put']): Promise<void> {
  const [{ rows: first }] = points;
  const sums = new Float32Array(first.count * columnBlock);
  const blocks = createColumnBlocks(first.count);
  const product = await mixProduct(trained);
  try {
    for (let column = 0; column < first.width; column += columnBlock) {
      sums.fill(0);
      for (const { rows, scale, own, mixes } of points) {
        blocks.load(rows, column, scale);
        const columnScale = scale?.subarray(column, column + columnBlock);
        for (let from = 0; from < first.count; from += rowBlock) {
          const count = Math.min(rowBlock, first.count - from);
          const part = await product.of(mixes.read(from, count), blocks.tensors);
          addScaled(
            sums.subarray(from * columnBlock),
            part,
            blocks.floats.subarray(from * columnBlock),
            own.subarray(from, from + count),
            columnScale,
          );
        }
      }
      put(column, sums);
    }
  } finally {
    await product.release();
  }
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

interface MixProduct {
  /** mix [at most rowBlock, trained] · the first `trained` rows of the blocks -> [rowBlock, columnBlock], good until the next call */
  of(mix: Float32Array, blocks: ColumnBlocks['tensors']): Promise<Float32Array>;
  release(): Promise<void>;
}

async function mixProduct(trained: number): Promise<MixProduct> {
  const g = createGraph('combine');
  const a = graphInput(g, 'a', 'f32', [rowBlock, rowBlock]);
  const b = graphInput(g, 'b', 'f32', [rowBlock, columnBlock]);
  graphOutput(g, 'product', gemm(g, a, b, {})); // [rowBlock, columnBlock]
  const session = await InferenceSession.create(buildOnnx(g), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const sums = new Float32Array(rowBlock * columnBlock);
  return {
    of: async (mix, blocks) => {
      sums.fill(0);
      for (let j = 0; j < trained; j += rowBlock) {
        const left = new Float32Array(rowBlock * rowBlock); // zeros behind the trained rows: decoys in the block add none
        for (let row = 0; row * trained < mix.length; row++) {
          const from = row * trained + j;
          left.set(mix.subarray(from, from + Math.min(rowBlock, trained - j)), row * rowBlock);
        }
        const a = new Tensor('float32', left, [rowBlock, rowBlock]);
        const { product } = await session.run({ a, b: blocks[j / rowBlock] });
        if (!(product.data instanceof Float32Array)) throw new Error('bug: product is not f32');
        const { data } = product;
        for (let at = 0; at < sums.length; at++) sums[at] += data[at];
      }
      return sums;
    },
    release: () => session.release(),
  };
}
