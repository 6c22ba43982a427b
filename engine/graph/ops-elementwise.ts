// Elementwise ops with numpy broadcasting and their derivatives, and the small reductions that derivatives
// need. Used by the other ops files and the graphs. Invariant: the gradient of a broadcast input is summed
// back to that input's shape (`sumTo`).
import { constant, differentiable, type Graph, node, scalar, type Tensor } from './graph-builder.ts';
import type { Dim } from './onnx-model.ts';
import { reshape } from './ops-shape.ts';

/** The float type of a tensor, or an error that names it. */
export function floatType(tensor: Tensor): 'f32' | 'f64' {
  if (tensor.dtype === 'f32' || tensor.dtype === 'f64') return tensor.dtype;
  throw new Error(`${tensor.name}: ${tensor.dtype} where f32 or f64 is needed`);
}

export function add(g: Graph, a: Tensor, b: Tensor): Tensor {
  return differentiable(
    g,
    [a, b],
    () => binary(g, 'Add', a, b),
    (dy) => [sumTo(g, dy, a.shape), sumTo(g, dy, b.shape)],
  );
}

export function sub(g: Graph, a: Tensor, b: Tensor): Tensor {
  return differentiable(
    g,
    [a, b],
    () => binary(g, 'Sub', a, b),
    (dy) => [sumTo(g, dy, a.shape), sumTo(g, unary(g, 'Neg', dy), b.shape)],
  );
}

export function mul(g: Graph, a: Tensor, b: Tensor): Tensor {
  return differentiable(
    g,
    [a, b],
    () => binary(g, 'Mul', a, b),
    (dy) => [sumTo(g, binary(g, 'Mul', dy, b), a.shape), sumTo(g, binary(g, 'Mul', dy, a), b.shape)],
  );
}

/** x * factor, a plain number. */
export function scale(g: Graph, x: Tensor, factor: number): Tensor {
  return mul(g, x, scalar(g, floatType(x), factor));
}

/**
 * y = silu(gate) * up, the SwiGLU of Llama (arxiv.org/abs/2002.05202), silu(z) = z sigmoid(z).
 * With s = sigmoid(gate): d up = dy gate s, d gate = dy (up s + y (1 - s)) = dy (y + s (up - y)).
 */
export function swiglu(g: Graph, gate: Tensor, up: Tensor): Tensor {
  const sigmoid = (): Tensor => unary(g, 'Sigmoid', gate); // the builder emits it once
  const silu = (): Tensor => binary(g, 'Mul', gate, sigmoid());
  return differentiable(
    g,
    [gate, up],
    () => binary(g, 'Mul', silu(), up),
    (dy, y) => {
      const slope = binary(g, 'Add', y, binary(g, 'Mul', sigmoid(), binary(g, 'Sub', up, y)));
      return [binary(g, 'Mul', dy, slope), binary(g, 'Mul', dy, silu())];
    },
  );
}

/** An op of one input that keeps shape and type. No derivative of its own: for use inside composites. */
export function unary(g: Graph, op: string, x: Tensor): Tensor {
  return node(g, op, [x], [{ dtype: x.dtype, shape: x.shape }])[0];
}

/** An op of two broadcast inputs. No derivative of its own. */
export function binary(g: Graph, op: string, a: Tensor, b: Tensor): Tensor {
  return node(g, op, [a, b], [{ dtype: a.dtype, shape: broadcast(a.shape, b.shape) }])[0];
}

/** ReduceSum or ReduceMean over axes, dropped unless `keepDims`. No derivative of its own. */
export function reduce(
  g: Graph,
  op: 'ReduceSum' | 'ReduceMean',
  x: Tensor,
  axes: readonly number[],
  keepDims: boolean,
): Tensor {
  const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)));
  const shape = keepDims
    ? x.shape.map((dim, axis) => (reduced.has(axis) ? 1 : dim))
    : x.shape.filter((_, axis) => !reduced.has(axis));
  return node(g, op, [x, constant(g, 'i64', axes)], [{ dtype: x.dtype, shape }], {
    keepdims: keepDims ? 1 : 0,
  })[0];
}

/** Sums the axes along which `shape` was broadcast to x's shape; the adjoint of broadcasting. */
export function sumTo(g: Graph, x: Tensor, shape: readonly Dim[]): Tensor {
  const lead = x.shape.length - shape.length;
  const axes = x.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < lead || (shape[axis - lead] === 1 && x.shape[axis] !== 1));
  if (axes.length === 0) return x;
  const summed = reduce(g, 'ReduceSum', x, axes, false);
  return summed.shape.length === shape.length ? summed : reshape(g, summed, shape);
}

function broadcast(a: readonly Dim[], b: readonly Dim[]): readonly Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new Error(`cannot broadcast [${a}] with [${b}]`);
    return x === 1 ? y : x;
  });
}
