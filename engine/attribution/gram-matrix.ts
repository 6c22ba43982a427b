// Inner products of all pairs of feature rows, [count, count]. Used once for each store build.
// Blocks of rows and columns go through one onnxruntime matmul (about 200 times faster than a plain loop), partial
// products are added up in double precision. Knows rows of numbers only.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildOnnx, createGraph, graphInput, graphOutput } from '../graph/graph-builder.ts';
import { gemm } from '../graph/ops-matmul.ts';
import { dequantiseRow, type FeatureRows } from './feature-rows.ts';

const rowBlock = 128;
const columnBlock = 8192;

/**
 * Symmetric, row-major [count, count]. Relative error about 1e-6 of the rows' norms (single-precision products).
 * @param columnScale [width] multiplied into every row; 1 where left out
 */
export async function gramMatrix(rows: FeatureRows, columnScale?: Float32Array): Promise<Float64Array> {
  const g = createGraph('gram');
  const a = graphInput(g, 'a', 'f32', [rowBlock, columnBlock]);
  const b = graphInput(g, 'b', 'f32', [rowBlock, columnBlock]);
  graphOutput(g, 'product', gemm(g, a, b, { transB: true })); // [rowBlock, rowBlock]
  const session = await InferenceSession.create(buildOnnx(g), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const { count, width } = rows;
  const gram = new Float64Array(count * count);
  try {
    const blocks = Math.ceil(count / rowBlock);
    for (let column = 0; column < width; column += columnBlock) {
      const parts = Array.from({ length: blocks }, (_, block) =>
        floatBlock(rows, block * rowBlock, column, columnScale),
      );
      for (let i = 0; i < blocks; i++) {
        for (let j = 0; j <= i; j++) {
          const { product } = await session.run({ a: parts[i], b: parts[j] });
          if (!(product.data instanceof Float32Array)) throw new Error('bug: product is not f32');
          addBlock(gram, count, product.data, i * rowBlock, j * rowBlock);
        }
      }
    }
  } finally {
    await session.release();
  }
  for (let i = 0; i < count; i++)
    for (let j = i + 1; j < count; j++) gram[i * count + j] = gram[j * count + i];
  return gram;
}

/** Rows [firstRow, +rowBlock) x columns [firstColumn, +columnBlock) as floats, zeros beyond the edges. */
function floatBlock(
  rows: FeatureRows,
  firstRow: number,
  firstColumn: number,
  columnScale: Float32Array | undefined,
): Tensor {
  const data = new Float32Array(rowBlock * columnBlock);
  const end = Math.min(firstRow + rowBlock, rows.count);
  for (let row = firstRow; row < end; row++) {
    const at = (row - firstRow) * columnBlock;
    dequantiseRow(rows, row, data.subarray(at, at + columnBlock), firstColumn);
    if (columnScale) {
      const length = Math.min(rows.width - firstColumn, columnBlock);
      for (let i = 0; i < length; i++) data[at + i] *= columnScale[firstColumn + i];
    }
  }
  return new Tensor('float32', data, [rowBlock, columnBlock]);
}

function addBlock(
  gram: Float64Array,
  count: number,
  product: Float32Array,
  row: number,
  column: number,
): void {
  const rows = Math.min(rowBlock, count - row);
  const columns = Math.min(rowBlock, count - column);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) gram[(row + i) * count + column + j] += product[i * rowBlock + j];
}
