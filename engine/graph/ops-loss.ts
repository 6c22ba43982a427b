// Softmax, and the output layer with the weighted token loss in one step: sum over tokens of weight * -log p(label).
// Used by the Llama training graphs: SFT, masks, DPO and policy weights are all a choice of `weights`. The logits
// [rows, vocab] are the largest matrix of a step: they exist for a slice of the rows at a time, and the gradient of
// the logits is never written down at all.
import { differentiable, type Graph, node, scalar, staticShape, type Tensor } from './graph-builder.ts';
import { binary, floatType, reduce, unary } from './ops-elementwise.ts';
import { addRowsAt } from './ops-embedding.ts';
import { gemm } from './ops-matmul.ts';
import { concatRows, reshape, splitRows } from './ops-shape.ts';

interface TokenLoss {
  /** [] : sum of weight * nll. */
  readonly loss: Tensor;
  /** [rows] : -log p(label), natural logarithm, whatever the weight. No gradient flows through it. */
  readonly nll: Tensor;
}

/** Values of one slice of the logits: 8 MB of f32, so that softmax and both products find it in a cache. */
const logitsOfSlice = 2 ** 21;
/** Rows of a slice at least: fewer, and the products read the head's weights more often than they multiply. */
const rowsOfSlice = 128;

/** Rows of the logits that are worked on together. */
export function sliceRows(vocab: number): number {
  return Math.max(rowsOfSlice, Math.floor(logitsOfSlice / vocab));
}

/** Softmax over the last axis. No derivative of its own. */
export function softmax(g: Graph, x: Tensor): Tensor {
  return node(g, 'Softmax', [x], [{ dtype: x.dtype, shape: x.shape }], { axis: -1 })[0];
}

/**
 * x [rows, dim], head [vocab, dim], labels i64 [rows] (any valid id where the weight is 0), weights [rows].
 * Rows that are not a known number are one slice.
 *
 * With p = softmax(x headᵀ) and D = diag(weights): dx = D (p head - head[labels]) and
 * dhead = pᵀ D x - (D x added up at rows `labels`), which is (p - onehot(labels)) D multiplied out.
 * p is floored at 1e-37 before the logarithm so that nll stays finite in f32; the derivative does not pass through
 * the floor.
 */
export function headLoss(g: Graph, x: Tensor, head: Tensor, labels: Tensor, weights: Tensor): TokenLoss {
  const [rows, dim] = x.shape;
  const type = floatType(x);
  const slices = (): readonly { p: Tensor; nll: Tensor }[] => {
    const most = sliceRows(staticShape(head)[0]);
    const hidden = splitRows(g, x, most);
    const columns = splitRows(g, reshape(g, labels, [rows, 1]), most);
    return hidden.map((part, i) => {
      const p = softmax(g, gemm(g, part, head, { transB: true })); // [slice, vocab]
      const spec = { dtype: type, shape: columns[i].shape };
      const [picked] = node(g, 'GatherElements', [p, columns[i]], [spec], { axis: -1 });
      return { p, nll: unary(g, 'Neg', unary(g, 'Log', binary(g, 'Max', picked, scalar(g, type, 1e-37)))) };
    });
  };
  const nll = reshape(
    g,
    concatRows(
      g,
      slices().map((slice) => slice.nll),
    ),
    [rows],
  );
  const loss = differentiable(
    g,
    [x, head],
    () => reduce(g, 'ReduceSum', binary(g, 'Mul', nll, weights), [0], false),
    (dy) => {
      const parts = slices(); // the builder reuses the nodes of the forward pass
      const rowWeight = binary(g, 'Mul', reshape(g, weights, [rows, 1]), dy);
      const mean = concatRows(
        g,
        parts.map(({ p }) => gemm(g, p, head)),
      ); // [rows, dim]
      const atLabel = node(g, 'Gather', [head, labels], [{ dtype: type, shape: [rows, dim] }], {
        axis: 0,
      })[0];
      const dx = binary(g, 'Mul', binary(g, 'Sub', mean, atLabel), rowWeight);
      const weighted = binary(g, 'Mul', x, rowWeight);
      const pieces = splitRows(g, weighted, sliceRows(staticShape(head)[0]));
      const expected = parts
        .map(
          ({ p }, i) =>
            (sum?: Tensor) =>
              gemm(g, p, pieces[i], { transA: true, plus: sum }),
        )
        .reduce<Tensor | undefined>((sum, product) => product(sum), undefined);
      if (expected === undefined) throw new Error('bug: a loss of no rows');
      return [dx, addRowsAt(g, expected, labels, unary(g, 'Neg', weighted))];
    },
  );
  return { loss, nll };
}
