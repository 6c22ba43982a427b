// Reshape and transpose with their derivatives (the inverse move). Used by the other ops files and the graphs.
import { constant, differentiable, type Graph, node, type Tensor } from './graph-builder.ts';
import type { Dim } from './onnx-model.ts';

/** Same elements, new shape. At most one dimension may be symbolic; it becomes -1 in the node. */
export function reshape(g: Graph, x: Tensor, shape: readonly Dim[]): Tensor {
  if (x.shape.length === shape.length && x.shape.every((dim, axis) => dim === shape[axis])) return x;
  const sizes = shape.map((dim) => (typeof dim === 'number' ? dim : -1));
  if (sizes.filter((size) => size === -1).length > 1) throw new Error(`reshape to [${shape}]: two unknowns`);
  return differentiable(
    g,
    [x],
    () => node(g, 'Reshape', [x, constant(g, 'i64', sizes)], [{ dtype: x.dtype, shape }])[0],
    (dy) => [reshape(g, dy, x.shape)],
  );
}

/** Axis i of the result is axis `order[i]` of x. */
export function transpose(g: Graph, x: Tensor, order: readonly number[]): Tensor {
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return differentiable(
    g,
    [x],
    () =>
      node(g, 'Transpose', [x], [{ dtype: x.dtype, shape: order.map((axis) => x.shape[axis]) }], {
        perm: order,
      })[0],
    (dy) => [transpose(g, dy, inverse)],
  );
}
