// Causal self-attention with grouped keys and values, as one differentiable step. Used by the Llama training
// graph (serving uses the GroupQueryAttention kernel with a cache instead). Keys are never repeated: the
// `repeat` query heads that share a key head are laid out as `repeat * seq` rows of one matrix.
// The [.., seq, seq] matrices are materialised: fine to a few hundred positions, quadratic beyond.
import { constant, differentiable, type Graph, node, type Tensor } from './graph-builder.ts';
import type { Dim } from './onnx-model.ts';
import { binary, floatType, reduce, unary } from './ops-elementwise.ts';
import { softmax } from './ops-loss.ts';
import { batchedMatmul } from './ops-matmul.ts';
import { reshape, transpose } from './ops-shape.ts';

interface AttentionShape {
  readonly batch: number;
  /** A name where it is only known when the graph runs: `mask` must be given then, and `batch` is 1. */
  readonly seq: Dim;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * softmax(q kᵀ + mask) v: q comes scaled, by 1 / sqrt(headDim) as a rule.
 * q [batch, seq, heads * headDim], k and v [batch, seq, kvHeads * headDim] -> [batch, seq, heads * headDim].
 * @param mask added to the scores: [seq, seq] or [batch, 1, seq, seq]; causal if left out.
 *
 * Derivative: dV = Pᵀ dO; dP = dO Vᵀ; dS = P (dP - rowsum(dO O)); dQ = dS K; dK = dSᵀ Q.
 * rowsum(dO O) equals rowsum(dP P) and is headDim wide instead of seq wide (arxiv.org/abs/2205.14135); it is
 * subtracted inside the product, as one more column of dO that meets a column of ones beside V.
 */
export function causalAttention(
  g: Graph,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  shape: AttentionShape,
  mask: Tensor = causalMask(g, floatType(q), shape.seq),
): Tensor {
  const { batch, seq, heads } = shape;
  const packed = (): { qs: Tensor; ks: Tensor; vs: Tensor } => ({
    qs: packQueries(g, q, shape),
    ks: packKeys(g, k, shape),
    vs: packKeys(g, v, shape),
  });
  const weights = (qs: Tensor, ks: Tensor): Tensor => {
    const scores = batchedMatmul(g, qs, ks, { transB: true }); // [batch, kv, repeat * seq, seq]
    const byHead = reshape(g, scores, [batch, heads, seq, seq]);
    return reshape(g, softmax(g, binary(g, 'Add', byHead, mask)), scores.shape);
  };
  return differentiable(
    g,
    [q, k, v],
    () => {
      const { qs, ks, vs } = packed();
      return unpackQueries(g, batchedMatmul(g, weights(qs, ks), vs), shape);
    },
    (dy, y) => {
      const { qs, ks, vs } = packed(); // the builder reuses the nodes of the forward pass
      const p = weights(qs, ks);
      const dO = packQueries(g, dy, shape);
      const inner = reduce(g, 'ReduceSum', binary(g, 'Mul', dO, packQueries(g, y, shape)), [-1], true);
      const ones = columnOfOnes(g, vs);
      const beside = (left: Tensor, column: Tensor): Tensor => {
        const [b, h, rows, width] = left.shape;
        const spec = { dtype: left.dtype, shape: [b, h, rows, Number(width) + 1] };
        return node(g, 'Concat', [left, column], [spec], { axis: -1 })[0];
      };
      const centred = batchedMatmul(g, beside(dO, unary(g, 'Neg', inner)), beside(vs, ones), {
        transB: true,
      });
      const dS = binary(g, 'Mul', p, centred);
      return [
        unpackQueries(g, batchedMatmul(g, dS, ks), shape),
        unpackKeys(g, batchedMatmul(g, dS, qs, { transA: true }), shape),
        unpackKeys(g, batchedMatmul(g, p, dO, { transA: true }), shape),
      ];
    },
  );
}

/** [batch, seq, heads * d] -> [batch, kv, repeat * seq, d] */
function packQueries(g: Graph, x: Tensor, { batch, seq, heads, kvHeads, headDim }: AttentionShape): Tensor {
  const repeat = heads / kvHeads;
  const grouped = reshape(g, x, [batch, seq, kvHeads, repeat, headDim]);
  const rows = typeof seq === 'number' ? repeat * seq : `${repeat} ${seq}`;
  return reshape(g, transpose(g, grouped, [0, 2, 3, 1, 4]), [batch, kvHeads, rows, headDim]);
}

function unpackQueries(g: Graph, x: Tensor, { batch, seq, heads, kvHeads, headDim }: AttentionShape): Tensor {
  const grouped = reshape(g, x, [batch, kvHeads, heads / kvHeads, seq, headDim]);
  return reshape(g, transpose(g, grouped, [0, 3, 1, 2, 4]), [batch, seq, heads * headDim]);
}

/** [batch, seq, kv * d] -> [batch, kv, seq, d] */
function packKeys(g: Graph, x: Tensor, { batch, seq, kvHeads, headDim }: AttentionShape): Tensor {
  return transpose(g, reshape(g, x, [batch, seq, kvHeads, headDim]), [0, 2, 1, 3]);
}

function unpackKeys(g: Graph, x: Tensor, { batch, seq, kvHeads, headDim }: AttentionShape): Tensor {
  return reshape(g, transpose(g, x, [0, 2, 1, 3]), [batch, seq, kvHeads * headDim]);
}

/** Beside v [batch, kv, seq, d]: ones [batch, kv, seq, 1]. */
function columnOfOnes(g: Graph, v: Tensor): Tensor {
  const shape = [...v.shape.slice(0, -1), 1];
  const [batch, kvHeads, seq] = v.shape.map(Number);
  if (Number.isInteger(seq))
    return constant(g, floatType(v), new Float64Array(batch * kvHeads * seq).fill(1), shape.map(Number));
  const like = reduce(g, 'ReduceSum', v, [-1], true);
  const sizes = node(g, 'Shape', [like], [{ dtype: 'i64', shape: [4] }])[0];
  return node(g, 'Expand', [constant(g, floatType(v), [1], []), sizes], [{ dtype: v.dtype, shape }])[0];
}

/** 0 where a position may be seen, -1e9 where it lies in the future: [seq, seq]. */
function causalMask(g: Graph, type: 'f32' | 'f64', seq: Dim): Tensor {
  if (typeof seq !== 'number') throw new Error('bug: attention over a length unknown yet needs its mask');
  const key = `causal mask ${type} ${seq}`;
  const known = g.constants.get(key);
  if (known) return known;
  const values = new Float64Array(seq * seq);
  for (let row = 0; row < seq; row++) values.fill(-1e9, row * seq + row + 1, (row + 1) * seq);
  const mask = constant(g, type, values, [seq, seq]);
  g.constants.set(key, mask);
  return mask;
}
