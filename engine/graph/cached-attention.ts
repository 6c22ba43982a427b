// Attention over a KV cache of fixed size, always by the GroupQueryAttention kernel. Used by llama-serve-graph.ts.
// Forward only. Two choices, by head size and by how the new keys and values reach the cache:
// rotary:   inside the kernel where headDim is a multiple of 16 (its rule), else by RotaryEmbedding before it;
// in_place: past and present are fed and fetched as the same tensor, the kernel appends to it;
// plain:    present stays inside the graph; the new keys and values come out and the caller writes them into the cache.
// Any batch of single tokens, or several tokens of one row. Head sizes that are no multiple of 8 do not fit the kernel.
// Heads are ordered as Hugging Face orders them: query head h reads key head floor(h / (heads / kvHeads)).
import { EngineError } from '../errors.ts';
import { constant, type Graph, node, type Tensor } from './graph-builder.ts';
import type { RotaryTables } from './ops-rotary.ts';

export type KvForm = 'in_place' | 'plain';

interface HeadShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

interface AttentionInputs {
  /** q|k|v of the new tokens, not rotated: [batch, seq, (heads + 2 kvHeads) * headDim] */
  readonly qkv: Tensor;
  readonly pastK: Tensor; // [batch, kvHeads, maxSeq, headDim]
  readonly pastV: Tensor;
  /** i32 [batch]: length of each row with its new tokens, minus 1 */
  readonly lastIndex: Tensor;
  /** i32 [1]: the longest row with its new tokens. Must be the true maximum: a wrong one misroutes silently. */
  readonly totalLength: Tensor;
  /** i64 [batch, seq]: place of each new token in its row; read where rotary is outside the kernel */
  readonly positions: Tensor;
  readonly cos: Tensor; // [maxSeq, headDim / 2]
  readonly sin: Tensor;
}

interface AttentionNames {
  /** Names of the two cache outputs: present keys and values (in_place), or those of the new tokens (plain). */
  readonly k: string;
  readonly v: string;
}

export interface AttentionStep {
  /** [batch, seq, heads * headDim] */
  readonly mixed: Tensor;
  /** in_place: [batch, kvHeads, maxSeq, headDim], the cache with the new tokens. plain: [batch, seq, kvHeads * headDim]. */
  readonly outputK: Tensor;
  readonly outputV: Tensor;
}

/** Whether the kernel itself can rotate heads of this size. */
function rotaryFitsKernel(headDim: number): boolean {
  return headDim % 16 === 0;
}

/** @throws EngineError `config_unsupported` for a head size that the attention kernel does not take */
export function checkHeadSize(headDim: number): void {
  if (headDim % 8 === 0) return;
  throw new EngineError(`head size ${headDim}: serving takes multiples of 8 only`, {
    code: 'config_unsupported',
    retry: 'never',
  });
}

export function cachedAttention(
  g: Graph,
  inputs: AttentionInputs,
  shape: HeadShape,
  form: KvForm,
  names: AttentionNames,
): AttentionStep {
  const inside = form === 'in_place' && rotaryFitsKernel(shape.headDim);
  const parts = inside ? undefined : rotatedParts(g, inputs, shape, form === 'plain' ? names : undefined);
  const { qkv, pastK, pastV, lastIndex, totalLength, cos, sin } = inputs;
  const cache = (name: string) => ({
    dtype: 'f32' as const,
    shape: pastK.shape,
    ...(form === 'in_place' ? { name } : {}),
  });
  const [batch, seq] = qkv.shape;
  const [mixed, presentK, presentV] = node(
    g,
    'GroupQueryAttention',
    [
      ...(parts === undefined ? [qkv, null, null] : [parts.q, parts.k, parts.v]),
      ...[pastK, pastV, lastIndex, totalLength],
      ...(inside ? [cos, sin] : []),
    ],
    [{ dtype: 'f32', shape: [batch, seq, shape.heads * shape.headDim] }, cache(names.k), cache(names.v)],
    {
      num_heads: shape.heads,
      kv_num_heads: shape.kvHeads,
      do_rotary: inside ? 1 : 0,
      rotary_interleaved: 0,
      scale: { float: 1 / Math.sqrt(shape.headDim) },
    },
    'com.microsoft',
  );
  if (form === 'in_place') return { mixed, outputK: presentK, outputV: presentV };
  if (parts === undefined) throw new Error('bug: the plain form always has its keys and values apart');
  return { mixed, outputK: parts.k, outputV: parts.v };
}

/** q, k, v apart, q and k rotated. @param names of k and v where they are outputs of the graph */
function rotatedParts(
  g: Graph,
  { qkv, positions, cos, sin }: AttentionInputs,
  { heads, kvHeads, headDim }: HeadShape,
  names: AttentionNames | undefined,
): { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor } {
  const [batch, seq] = qkv.shape;
  const spec = (count: number, name?: string) => ({
    dtype: 'f32' as const,
    shape: [batch, seq, count * headDim],
    ...(name === undefined ? {} : { name }),
  });
  const counts = [heads, kvHeads, kvHeads];
  const sizes = constant(
    g,
    'i64',
    counts.map((count) => count * headDim),
  );
  const [q, k, v] = node(g, 'Split', [qkv, sizes], [spec(heads), spec(kvHeads), spec(kvHeads, names?.v)], {
    axis: -1,
  });
  const turn = (x: Tensor, count: number, name?: string): Tensor =>
    node(
      g,
      'RotaryEmbedding',
      [x, positions, cos, sin],
      [spec(count, name)],
      { num_heads: count, interleaved: 0 },
      'com.microsoft',
    )[0];
  return { q: turn(q, heads), k: turn(k, kvHeads, names?.k), v };
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
