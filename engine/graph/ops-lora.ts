// A linear layer with a LoRA pair (arxiv.org/abs/2106.09685), merged inside the graph: y = x (W + s B A)ᵀ.
// Used by the Llama training graph. One large product instead of two paths; W may be frozen. `s` is a scalar
// input of the graph: 0 turns the adapter off, which gives the reference model from the same session.
// In the per-example form the gradients of A and B keep a leading batch axis, one gradient for each row.
import { differentiable, type Graph, type Tensor } from './graph-builder.ts';
import { binary } from './ops-elementwise.ts';
import { batchedMatmul, gemm } from './ops-matmul.ts';
import { reshape } from './ops-shape.ts';

export interface LoraPair {
  /** [rank, in] */
  readonly a: Tensor;
  /** [out, rank] */
  readonly b: Tensor;
  /** [] : alpha / rank, or 0 for the base model alone. */
  readonly scale: Tensor;
  /** The linear layer's W is W + s B A already: saves that product where A and B do not change between runs. */
  readonly isMerged?: boolean;
}

/**
 * x [rows, in], w [out, in] -> [rows, out].
 * Derivative with g = dy: dx = g W_eff, dA = s (g B)ᵀ x, dB = s gᵀ (x Aᵀ), dW = gᵀ x (dropped if unused).
 *
 * @param examples if given, rows = examples * tokens and dA, dB have shape [examples, ...].
 */
export function loraLinear(g: Graph, x: Tensor, w: Tensor, lora: LoraPair, examples?: number): Tensor {
  const { a, b, scale, isMerged = false } = lora;
  const merged = (): Tensor => (isMerged ? w : binary(g, 'Add', w, binary(g, 'Mul', gemm(g, b, a), scale)));
  return differentiable(
    g,
    [x, w, a, b],
    () => gemm(g, x, merged(), { transB: true }),
    (dy) => {
      const scaled = (t: Tensor): Tensor => binary(g, 'Mul', t, scale);
      const gb = scaled(gemm(g, dy, b)); // [rows, rank]
      const xa = scaled(gemm(g, x, a, { transB: true })); // [rows, rank]
      return [
        gemm(g, dy, merged()),
        gemm(g, dy, x, { transA: true }),
        outer(g, gb, x, examples),
        outer(g, dy, xa, examples),
      ];
    },
  );
}

/** pᵀ q over all rows [m, n], or for each example apart [examples, m, n]. */
function outer(g: Graph, p: Tensor, q: Tensor, examples: number | undefined): Tensor {
  if (examples === undefined) return gemm(g, p, q, { transA: true });
  const split = (t: Tensor): Tensor => {
    const [rows, width] = t.shape;
    return reshape(g, t, [examples, Number(rows) / examples, width]);
  };
  return batchedMatmul(g, split(p), split(q), { transA: true });
}
