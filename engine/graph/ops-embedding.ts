// Embedding lookup and its derivative (rows of the gradient are added at the looked-up ids). Used by the training graphs;
// the output layer adds up its rows by `addRowsAt` too. ScatterND would be the obvious op: with several threads
// onnxruntime 1.30 adds two rows of one id at the same time and loses one (issue 18048; a test shows it). ScatterElements
// goes through its rows one after the other: 8 ms more for 4,096 rows of 288, a hundredth of the step they belong to.
import { constant, differentiable, type Graph, node, staticShape, type Tensor } from './graph-builder.ts';
import { floatType } from './ops-elementwise.ts';
import { reshape } from './ops-shape.ts';

/** table [vocab, dim], ids i64 [rows] -> [rows, dim]. */
export function embedding(g: Graph, table: Tensor, ids: Tensor): Tensor {
  const [rows] = ids.shape;
  const dim = table.shape[1];
  return differentiable(
    g,
    [table],
    () => node(g, 'Gather', [table, ids], [{ dtype: table.dtype, shape: [rows, dim] }], { axis: 0 })[0],
    (dy) => {
      const shape = staticShape(table);
      const zero = constant(g, floatType(table), [0], [1]);
      const zeros = node(g, 'Expand', [zero, constant(g, 'i64', shape)], [{ dtype: table.dtype, shape }])[0];
      return [addRowsAt(g, zeros, ids, dy)];
    },
  );
}

/** table [vocab, dim] with rows[i] [dim] added at ids[i]; an id may come often. No derivative of its own. */
export function addRowsAt(g: Graph, table: Tensor, ids: Tensor, rows: Tensor): Tensor {
  const width = constant(g, 'i64', [1, staticShape(table)[1]]);
  const at = node(
    g,
    'Expand',
    [reshape(g, ids, [ids.shape[0], 1]), width],
    [{ dtype: 'i64', shape: rows.shape }],
  )[0];
  const spec = { dtype: table.dtype, shape: table.shape };
  return node(g, 'ScatterElements', [table, at, rows], [spec], { axis: 0, reduction: 'add' })[0];
}
