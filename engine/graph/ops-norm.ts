// RMSNorm (arxiv.org/abs/1910.07467): y = x / sqrt(mean(x²) + eps) * w over the last axis, and its derivative.
// Used by the Llama graphs. f32 uses the fused kernel forward; its second output (the inverse deviation) is
// wrong on the WebGPU provider of onnxruntime 1.30, so the derivative computes that from x again.
import { differentiable, type Graph, node, scalar, type Tensor } from './graph-builder.ts';
import { add, binary, floatType, mul, reduce, sub, sumTo, unary } from './ops-elementwise.ts';

/** x [rows, dim], w [dim] -> [rows, dim]. */
export function rmsNorm(g: Graph, x: Tensor, w: Tensor, epsilon: number): Tensor {
  const inverse = (): Tensor => {
    const meanSquare = reduce(g, 'ReduceMean', mul(g, x, x), [-1], true); // [rows, 1]
    return unary(g, 'Reciprocal', unary(g, 'Sqrt', add(g, meanSquare, scalar(g, floatType(x), epsilon))));
  };
  return differentiable(
    g,
    [x, w],
    () => (floatType(x) === 'f32' ? fused(g, x, w, epsilon) : mul(g, mul(g, x, inverse()), w)),
    (dy) => {
      const inv = inverse();
      const unit = mul(g, x, inv);
      const dUnit = mul(g, dy, w);
      const along = reduce(g, 'ReduceMean', mul(g, dUnit, unit), [-1], true);
      const dx = mul(g, sub(g, dUnit, mul(g, unit, along)), inv);
      return [dx, sumTo(g, binary(g, 'Mul', dy, unit), w.shape)];
    },
  );
}

function fused(g: Graph, x: Tensor, w: Tensor, epsilon: number): Tensor {
  return node(g, 'SimplifiedLayerNormalization', [x, w], [{ dtype: x.dtype, shape: x.shape }], {
    axis: -1,
    epsilon: { float: epsilon },
    stash_type: 1,
  })[0];
}
