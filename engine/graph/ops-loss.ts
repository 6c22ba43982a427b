// Softmax and the weighted token loss, sum over tokens of weight * -log p(label). Used by the Llama training
// graph: SFT, masks, DPO and policy weights are all a choice of `weights`, so one graph serves them all.
import { constant, differentiable, type Graph, node, scalar, type Tensor } from './graph-builder.ts';
import { binary, floatType, reduce, unary } from './ops-elementwise.ts';
import { reshape } from './ops-shape.ts';

interface TokenLoss {
  /** [] : sum of weight * nll. */
  readonly loss: Tensor;
  /** [rows] : -log p(label), natural logarithm, whatever the weight. No gradient flows through it. */
  readonly nll: Tensor;
}

/** Softmax over the last axis. No derivative of its own. */
export function softmax(g: Graph, x: Tensor): Tensor {
  return node(g, 'Softmax', [x], [{ dtype: x.dtype, shape: x.shape }], { axis: -1 })[0];
}

/**
 * logits [rows, vocab], labels i64 [rows] (any valid id where the weight is 0), weights [rows].
 * Derivative: d logits = (p - onehot(label)) * weight. p is floored at 1e-37 before the logarithm so that nll
 * stays finite in f32; the derivative does not pass through the floor.
 */
export function tokenLoss(g: Graph, logits: Tensor, labels: Tensor, weights: Tensor): TokenLoss {
  const [rows] = logits.shape;
  const type = floatType(logits);
  const column = reshape(g, labels, [rows, 1]);
  const p = softmax(g, logits); // [rows, vocab]
  const [picked] = node(g, 'GatherElements', [p, column], [{ dtype: type, shape: [rows, 1] }], { axis: -1 });
  const floored = binary(g, 'Max', picked, scalar(g, type, 1e-37));
  const nll = reshape(g, unary(g, 'Neg', unary(g, 'Log', floored)), [rows]);
  const loss = differentiable(
    g,
    [logits],
    () => reduce(g, 'ReduceSum', binary(g, 'Mul', nll, weights), [0], false),
    (dy) => {
      const minusOne = node(
        g,
        'Expand',
        [constant(g, type, [-1], [1, 1]), constant(g, 'i64', [Number(rows), 1])],
        [{ dtype: type, shape: [rows, 1] }],
      )[0];
      const attributes = { axis: -1, reduction: 'add' };
      const spec = { dtype: type, shape: logits.shape };
      const [centred] = node(g, 'ScatterElements', [p, column, minusOne], [spec], attributes);
      const rowWeight = binary(g, 'Mul', reshape(g, weights, [rows, 1]), dy);
      return [binary(g, 'Mul', centred, rowWeight)];
    },
  );
  return { loss, nll };
}
