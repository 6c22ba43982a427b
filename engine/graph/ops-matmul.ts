// Matrix products: plain 2-D and batched products with optional transposes (no derivative of their own), and
// `linear`, the differentiable layer y = x Wᵀ with weights as Hugging Face stores them, [out, in].
// Used by attention, LoRA and the graphs. 2-D products become Gemm, which every execution provider takes with
// transposes; batched ones become Transpose + MatMul. FusedMatMul has no kernel on WebGPU and is not written here: on the
// CPU onnxruntime makes it of the two by itself (7M shape, one thread: -6 to +5 % of the time, within its noise).
import { differentiable, type Graph, node, type Tensor } from './graph-builder.ts';
import type { Dim } from './onnx-model.ts';
import { binary, scale } from './ops-elementwise.ts';
import { transpose } from './ops-shape.ts';

interface ProductOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** Factor on the product, 1 if absent. */
  readonly alpha?: number;
}

interface GemmOptions extends ProductOptions {
  /** Added to the product without a pass of its own: the shape of the product, or broadcast to it. */
  readonly plus?: Tensor;
}

/** alpha op(a) op(b) + plus of two matrices. */
export function gemm(g: Graph, a: Tensor, b: Tensor, options: GemmOptions = {}): Tensor {
  const { transA = false, transB = false, alpha = 1, plus } = options;
  const shape = [a.shape[transA ? 1 : 0], b.shape[transB ? 0 : 1]];
  checkInner(a, b, a.shape[transA ? 0 : 1], b.shape[transB ? 1 : 0]);
  if (!transA && !transB && alpha === 1 && plus === undefined)
    return node(g, 'MatMul', [a, b], [{ dtype: a.dtype, shape }])[0];
  return node(g, 'Gemm', plus ? [a, b, plus] : [a, b], [{ dtype: a.dtype, shape }], {
    transA: transA ? 1 : 0,
    transB: transB ? 1 : 0,
    alpha: { float: alpha },
  })[0];
}

/**
 * sum + product, the product being what {@link gemm} gave: it is emitted again with `sum` added on the way, and the
 * plain product is dropped unless something else reads it. Undefined where it was no such product.
 */
export function addToProduct(g: Graph, sum: Tensor, product: Tensor): Tensor | undefined {
  if (product.shape.length !== 2 || sum.shape.join() !== product.shape.join()) return undefined;
  const made = g.nodes.findLast(({ outputs }) => outputs.includes(product.name));
  if (made === undefined || made.inputs.length !== 2 || !['MatMul', 'Gemm'].includes(made.op))
    return undefined;
  const { dtype, shape } = product;
  const [a, b] = made.inputs.map((name) => ({ name, dtype, shape: [], requiresGrad: false }));
  return node(g, 'Gemm', [a, b, sum], [{ dtype, shape }], made.attributes)[0];
}

/** alpha op(a) op(b) over the last two axes; the leading axes are equal, or absent in one of them. */
export function batchedMatmul(g: Graph, a: Tensor, b: Tensor, options: ProductOptions = {}): Tensor {
  const { transA = false, transB = false, alpha = 1 } = options;
  const [rows, innerA] = lastTwo(a, transA);
  const [innerB, columns] = lastTwo(b, transB);
  checkInner(a, b, innerA, innerB);
  const lead = (a.shape.length >= b.shape.length ? a : b).shape.slice(0, -2);
  const spec = { dtype: a.dtype, shape: [...lead, rows, columns] };
  const left = transA ? swapLast(g, a) : a;
  const right = transB ? swapLast(g, b) : b;
  const [product] = node(g, 'MatMul', [left, right], [spec]);
  return alpha === 1 ? product : scale(g, product, alpha);
}

/** y = x Wᵀ. x [rows, in], w [out, in] -> [rows, out]. */
export function linear(g: Graph, x: Tensor, w: Tensor): Tensor {
  return differentiable(
    g,
    [x, w],
    () => gemm(g, x, w, { transB: true }),
    (dy) => [gemm(g, dy, w), gemm(g, dy, x, { transA: true })],
  );
}

/** x + y, same shape, y a matrix product that nothing else reads: x is added on the way. */
export function addProduct(g: Graph, x: Tensor, y: Tensor): Tensor {
  return differentiable(
    g,
    [x, y],
    () => addToProduct(g, x, y) ?? binary(g, 'Add', x, y),
    (dy) => [dy, dy],
  );
}

function lastTwo(x: Tensor, transposed: boolean): readonly [Dim, Dim] {
  const [p, q] = x.shape.slice(-2);
  return transposed ? [q, p] : [p, q];
}

function swapLast(g: Graph, x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(g, x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}

function checkInner(a: Tensor, b: Tensor, innerA: Dim, innerB: Dim): void {
  if (innerA !== innerB)
    throw new Error(`cannot multiply ${a.name} [${a.shape}] with ${b.name} [${b.shape}]`);
}
