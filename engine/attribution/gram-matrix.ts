// Inner products of all pairs of feature rows, [count, count]. Used by store builds and the comparison of methods.
// Blocks of rows and columns go through one onnxruntime matmul (about 200 times faster than a plain loop), partial
// products are added up in double precision. Knows rows of numbers only.
import { InferenceSession } from 'onnxruntime-node';
import { buildOnnx, createGraph, graphInput, graphOutput } from '../graph/graph-builder.ts';
import { gemm } from '../graph/ops-matmul.ts';
import { columnBlock, createColumnBlocks, type ReadableRows, rowBlock } from './column-blocks.ts';

/**
 * Symmetric, row-major [count, count]. Relative error about 1e-6 of the rows' norms (single-precision products).
 * @param columnScale [width] multiplied into every row; 1 where left out
 * @param gram [count, count] where the products go; left out: made here
 */
export async function gramMatrix(
  rows: ReadableRows,
  columnScale?: Float32Array,
  gram: Float64Array = new Float64Array(rows.count ** 2),
): Promise<Float64Array> {
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
  gram.fill(0);
  try {
    const blocks = createColumnBlocks(count);
    const parts = blocks.tensors;
    for (let column = 0; column < width; column += columnBlock) {
      blocks.load(rows, column, columnScale);
      for (let i = 0; i < parts.length; i++) {
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
