// Reshape and transpose with their derivatives (the inverse move). Used by the other ops files and the graphs.
import { constant, differentiable, type Graph, node, type Tensor } from './graph-builder.ts';
import type { Dim } from './onnx-model.ts';

/**
 * Same elements, new shape. A symbolic dimension becomes -1 in the node; where there are several, all but one keep their
 * name and axis.
 */
export function reshape(g: Graph, x: Tensor, shape: readonly Dim[]): Tensor {
  if (x.shape.length === shape.length && x.shape.every((dim, axis) => dim === shape[axis])) return x;
  const isOne = shape.filter((dim) => typeof dim !== 'number').length === 1;
  const sizes = shape.map((dim, axis) =>
    typeof dim === 'number' ? dim : !isOne && dim === x.shape[axis] ? 0 : -1,
  ); // 0 = as the input's axis
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

/** Slices of at most `most` rows (axis 0); x itself where one is enough or the rows are not a known number. */
export function splitRows(g: Graph, x: Tensor, most: number): readonly Tensor[] {
  const [rows, ...rest] = x.shape;
  if (typeof rows !== 'number' || rows <= most) return [x];
  const count = Math.ceil(rows / most);
  const sizes = Array.from({ length: count }, (_, i) => Math.min(most, rows - i * most));
  const specs = sizes.map((size) => ({ dtype: x.dtype, shape: [size, ...rest] }));
  return node(g, 'Split', [x, constant(g, 'i64', sizes)], specs, { axis: 0 });
}

/** The inverse of {@link splitRows}. Neither has a derivative of its own. */
export function concatRows(g: Graph, parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  if (parts.length === 1) return first;
  const rows = parts.reduce((sum, { shape }) => sum + Number(shape[0]), 0);
  const spec = { dtype: first.dtype, shape: [rows, ...first.shape.slice(1)] };
  return node(g, 'Concat', parts, [spec], { axis: 0 })[0];
}
