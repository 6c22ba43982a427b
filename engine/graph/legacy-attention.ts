// Superseded by cached-attention.ts; goes with legacy-serve-graph.ts.
// Attention over a KV cache, in two forms with the same result. Used by llama-serve-graph.ts. Forward only.
// fused:   com.microsoft.GroupQueryAttention. The cache is a fixed buffer [batch, kv, maxSeq, headDim]; fed and
//          fetched as the same tensor, new keys and values are appended in place. Any batch of single tokens, or
//          several tokens of one row. Needs headDim to be a multiple of 16 (its rotary kernel's rule).
// unfused: plain ops, any even headDim, one row. The cache is exactly as long as the past and comes back longer.
// Heads are ordered as Hugging Face orders them: query head h reads key head floor(h / (heads / kvHeads)).
import { constant, type Graph, node, type Tensor } from './graph-builder.ts';
import type { Dim } from './onnx-model.ts';
import { add, scale } from './ops-elementwise.ts';
import { softmax } from './ops-loss.ts';
import { batchedMatmul } from './ops-matmul.ts';
import type { RotaryTables } from './ops-rotary.ts';
import { transpose } from './ops-shape.ts';

interface HeadShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export interface AttentionStep {
  /** [batch, seq, heads * headDim] */
  readonly mixed: Tensor;
  /** The cache with the new tokens in it, laid out like the past. */
  readonly presentK: Tensor;
  readonly presentV: Tensor;
}

/** Whether the fused kernel takes this head size. */
export function fusedAttentionFits(headDim: number): boolean {
  return headDim % 16 === 0;
}

interface FusedInputs {
  /** q|k|v of the new tokens, not rotated: [batch, seq, (heads + 2 kvHeads) * headDim] */
  readonly qkv: Tensor;
  readonly pastK: Tensor; // [batch, kvHeads, maxSeq, headDim]
  readonly pastV: Tensor;
  /** i32 [batch]: length of each row with its new tokens, minus 1 */
  readonly lastIndex: Tensor;
  /** i32 [1]: the longest row with its new tokens. Must be the true maximum: a wrong one misroutes silently. */
  readonly totalLength: Tensor;
  readonly cos: Tensor; // [maxSeq, headDim / 2]
  readonly sin: Tensor;
}

export function fusedAttention(g: Graph, inputs: FusedInputs, shape: HeadShape): AttentionStep {
  const { qkv, pastK, pastV, lastIndex, totalLength, cos, sin } = inputs;
  const [batch, seq] = qkv.shape;
  const [mixed, presentK, presentV] = node(
    g,
    'GroupQueryAttention',
    [qkv, null, null, pastK, pastV, lastIndex, totalLength, cos, sin],
    [
      { dtype: 'f32', shape: [batch, seq, shape.heads * shape.headDim] },
      { dtype: 'f32', shape: pastK.shape },
      { dtype: 'f32', shape: pastV.shape },
    ],
    {
      num_heads: shape.heads,
      kv_num_heads: shape.kvHeads,
      do_rotary: 1,
      rotary_interleaved: 0,
      scale: { float: 1 / Math.sqrt(shape.headDim) },
    },
    'com.microsoft',
  );
  return { mixed, presentK, presentV };
}

interface UnfusedInputs {
  readonly qkv: Tensor; // [1, seq, (heads + 2 kvHeads) * headDim]
  readonly pastK: Tensor; // [1, kvHeads, past, headDim]
  readonly pastV: Tensor;
  /** cos and sin at the positions of the new tokens: [seq, headDim / 2] */
  readonly cos: Tensor;
  readonly sin: Tensor;
  /** [seq, total]: 0 where a new token may look, very negative in its future */
  readonly mask: Tensor;
}

export function unfusedAttention(g: Graph, inputs: UnfusedInputs, shape: HeadShape): AttentionStep {
  const { qkv, pastK, pastV, cos, sin, mask } = inputs;
  const { heads, kvHeads, headDim } = shape;
  const [batch, seq] = qkv.shape;
  const [, total] = mask.shape;
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const split = node(
    g,
    'Split',
    [qkv, constant(g, 'i64', widths)],
    widths.map((width) => ({ dtype: 'f32', shape: [batch, seq, width] })),
    { axis: -1 },
  );
  const q = rotateAt(g, byHead(g, split[0], heads, headDim), cos, sin); // [1, heads, seq, headDim]
  const k = rotateAt(g, byHead(g, split[1], kvHeads, headDim), cos, sin);
  const v = byHead(g, split[2], kvHeads, headDim);
  const presentK = append(g, pastK, k, total); // [1, kvHeads, total, headDim]
  const presentV = append(g, pastV, v, total);

  // Query heads that share a key head form one group axis; the single key head is broadcast over it.
  const repeat = heads / kvHeads;
  const grouped = shaped(g, q, [0, kvHeads, repeat, -1, headDim], [batch, kvHeads, repeat, seq, headDim]);
  const keys = shaped(g, presentK, [0, kvHeads, 1, -1, headDim], [batch, kvHeads, 1, total, headDim]);
  const values = shaped(g, presentV, [0, kvHeads, 1, -1, headDim], [batch, kvHeads, 1, total, headDim]);
  const product = batchedMatmul(g, grouped, transpose(g, keys, [0, 1, 2, 4, 3])); // [1, kv, repeat, seq, total]
  const scores = { ...product, shape: [batch, kvHeads, repeat, seq, total] };
  const weights = softmax(g, add(g, scale(g, scores, 1 / Math.sqrt(headDim)), mask));
  const mixed = batchedMatmul(g, weights, values); // [1, kv, repeat, seq, headDim]
  const ordered = transpose(g, mixed, [0, 3, 1, 2, 4]);
  const width = heads * headDim;
  return { mixed: shaped(g, ordered, [0, 0, width], [batch, seq, width]), presentK, presentV };
}

/** [batch, seq, heads * headDim] -> [batch, heads, seq, headDim] */
function byHead(g: Graph, x: Tensor, heads: number, headDim: number): Tensor {
  const [batch, seq] = x.shape;
  return transpose(g, shaped(g, x, [0, 0, heads, headDim], [batch, seq, heads, headDim]), [0, 2, 1, 3]);
}

/** x [batch, heads, seq, headDim] rotated by angles given for each of its positions. */
function rotateAt(g: Graph, x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  const half = { dtype: 'f32', shape: [...x.shape.slice(0, -1), Number(x.shape[3]) / 2] } as const;
  const [low, high] = node(g, 'Split', [x], [half, half], { axis: -1, num_outputs: 2 });
  const product = (a: Tensor, b: Tensor): Tensor => node(g, 'Mul', [a, b], [half])[0];
  const turned = [
    node(g, 'Sub', [product(low, cos), product(high, sin)], [half])[0],
    node(g, 'Add', [product(high, cos), product(low, sin)], [half])[0],
  ];
  return node(g, 'Concat', turned, [{ dtype: 'f32', shape: x.shape }], { axis: -1 })[0];
}

function append(g: Graph, past: Tensor, fresh: Tensor, total: Dim): Tensor {
  const [batch, heads, , headDim] = past.shape;
  const shape = [batch, heads, total, headDim];
  return node(g, 'Concat', [past, fresh], [{ dtype: 'f32', shape }], { axis: 2 })[0];
}

/** Reshape with ONNX's own marks (0 = keep, -1 = infer), where more than one size is only known at run time. */
function shaped(g: Graph, x: Tensor, sizes: readonly number[], shape: readonly Dim[]): Tensor {
  return node(g, 'Reshape', [x, constant(g, 'i64', sizes)], [{ dtype: x.dtype, shape }])[0];
}

/** Rows of a rotary table at the given positions: [seq, headDim / 2]. */
export function rotaryRows(g: Graph, table: Tensor, positions: Tensor): Tensor {
  const shape = [positions.shape[0], table.shape[1]];
  return node(g, 'Gather', [table, positions], [{ dtype: 'f32', shape }], { axis: 0 })[0];
}

/** Both tables as constants of the graph: [maxSeq, headDim / 2]. */
export function rotaryConstants(
  g: Graph,
  tables: RotaryTables,
): { readonly cos: Tensor; readonly sin: Tensor } {
  const half = tables.headDim / 2;
  const shape = [tables.cos.length / half, half];
  return { cos: constant(g, 'f32', tables.cos, shape), sin: constant(g, 'f32', tables.sin, shape) };
}
