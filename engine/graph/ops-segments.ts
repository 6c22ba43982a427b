// Several examples in one row: from the number of the example each token belongs to, the attention mask (no token
// sees another example or the future) and the positions that begin anew in each. Used by the training graphs.
// Invariant: a segment is one run of equal numbers; the same number twice in a row, apart, would be one example.
import { constant, type Graph, node, type Tensor } from './graph-builder.ts';
import { binary, reduce } from './ops-elementwise.ts';
import { reshape } from './ops-shape.ts';

export interface Segments {
  /** [batch, 1, seq, seq] : 0 where a key may be seen, -1e9 elsewhere. */
  readonly mask: Tensor;
  /** i64 [batch, seq] : 0 at the first token of a segment. */
  readonly positions: Tensor;
}

/** @param segments i64 [batch, seq] */
export function segmentsOf(
  g: Graph,
  segments: Tensor,
  type: 'f32' | 'f64',
  { batch, seq }: { readonly batch: number; readonly seq: number },
): Segments {
  const square = [batch, seq, seq];
  const same = node(
    g,
    'Equal',
    [reshape(g, segments, [batch, seq, 1]), reshape(g, segments, [batch, 1, seq])],
    [{ dtype: 'bool', shape: square }],
  )[0];
  const lower = Uint8Array.from({ length: seq * seq }, (_, at) => (at % seq <= Math.floor(at / seq) ? 1 : 0));
  const past = node(
    g,
    'Cast',
    [constant(g, 'u8', lower, [seq, seq])],
    [{ dtype: 'bool', shape: [seq, seq] }],
    {
      to: 9, // TensorProto.BOOL
    },
  )[0];
  const seen = node(g, 'And', [same, past], [{ dtype: 'bool', shape: square }])[0];
  const mask = node(
    g,
    'Where',
    [seen, constant(g, type, [0], []), constant(g, type, [-1e9], [])],
    [{ dtype: type, shape: square }],
  )[0];
  const ones = node(g, 'Cast', [seen], [{ dtype: 'i64', shape: square }], { to: 7 })[0]; // TensorProto.INT64
  const count = reduce(g, 'ReduceSum', ones, [-1], false);
  return {
    mask: reshape(g, mask, [batch, 1, seq, seq]),
    positions: binary(g, 'Sub', count, constant(g, 'i64', [1], [])),
  };
}
