// Embedding lookup and its derivative (rows of the gradient are added at the looked-up ids). Used by the
// Llama training graph.
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
      const at = reshape(g, ids, [rows, 1]);
      return [
        node(g, 'ScatterND', [zeros, at, dy], [{ dtype: table.dtype, shape }], { reduction: 'add' })[0],
      ];
    },
  );
}
