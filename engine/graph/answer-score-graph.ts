// A Llama forward pass that only tells how likely the tokens of an answer are: any batch and length, no cache, no adapter
// inputs (an adapter is merged into the weights before), output layer and last feed-forward for the answer's rows only.
// Used by attribution, for alpha: each answer with and without its adapter.
// The products that read a norm's output (q, k, v, gate, up: more than half of all) are 8-bit integers, the others f32. The
// norm's gain is shared out between activations and weights by its square root, so that no channel needs the whole range
// (SmoothQuant's idea, arxiv.org/abs/2211.10438). Measured on 110 answers of the demo model, alpha's distance from the f32
// training graph (mean, worst) and time in forward passes of that graph, 12 and 78 answer tokens:
//   all f32 8e-8, 8e-7, 0.60, 0.83    all int8 0.0036, 0.043, 0.22, 0.41    without the shared gain 0.0018, 0.025
//   as here 0.0018, 0.014, 0.40, 0.60
// Weights use 7 bits: processors without VNNI add pairs of products in 16 bits, which 8 would overflow.
import { hasBias, type Projection, projectionShape } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { checkHeadSize, rotaryConstants } from './cached-attention.ts';
import {
  buildOnnx,
  constant,
  createGraph,
  type Graph,
  graphInput,
  graphOutput,
  initialiser,
  node,
  scalar,
  type Tensor,
} from './graph-builder.ts';
import { binary, unary } from './ops-elementwise.ts';
import { softmax } from './ops-loss.ts';
import { rotaryTables } from './ops-rotary.ts';

const qkvNames = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'] as const;
/** Integer weights lie in -63 .. 63. */
const weightMax = 63;

/**
 * Inputs: ids i64 [batch, seq]; last_index i32 [batch] (index of each row's last token); total_length i32 [1] (seq);
 * rows i64 [n] (places in batch * seq whose next token is scored); labels i64 [n].
 * Output: nll f32 [n], -log p(label) in nats.
 * @param read weights [out, in] by Hugging Face name, adapter merged
 * @throws EngineError `config_unsupported`
 */
export function buildAnswerScoreGraph(config: LlamaConfig, read: (name: string) => Float32Array): Uint8Array {
  checkHeadSize(config.headDim);
  const { heads, kvHeads, headDim, dim, ffn, vocab, rmsEps } = config;
  const g = createGraph('answer_score');
  const ids = graphInput(g, 'ids', 'i64', ['batch', 'seq']);
  const lastIndex = graphInput(g, 'last_index', 'i32', ['batch']);
  const totalLength = graphInput(g, 'total_length', 'i32', [1]);
  const rows = graphInput(g, 'rows', 'i64', ['n']);
  const labels = graphInput(g, 'labels', 'i64', ['n']);
  const f32 = (shape: readonly (number | string)[]) => ({ dtype: 'f32', shape }) as const;
  const plain = (name: string, shape: readonly number[]): Tensor =>
    initialiser(g, name, 'f32', shape, { bytes: bytesOf(read(name)) });
  /** The part of a norm's gain that its readers' weights take over. */
  const shared = (name: string): Float32Array =>
    read(name).map((gain) => Math.max(1e-3, Math.sqrt(Math.abs(gain))));
  const { cos, sin } = rotaryConstants(g, rotaryTables(config.maxSeq, config));
  const project = (
    x: Tensor,
    prefix: string,
    projections: readonly Projection[],
    gain?: Float32Array,
  ): Tensor => {
    const parts = projections.map((projection) => ({
      values: read(`${prefix}.${projection}.weight`),
      out: projectionShape(config, projection)[0],
    }));
    const into = projectionShape(config, projections[0])[1];
    const bias = hasBias(config, projections[0])
      ? projections.flatMap((projection) => [...read(`${prefix}.${projection}.bias`)])
      : undefined;
    const name = `${prefix}.${projections.join('+')}`;
    return gain ? int8Product(g, x, name, parts, gain, bias) : product(g, x, name, parts, into, bias);
  };
  const norm = (
    x: Tensor,
    branch: Tensor | undefined,
    name: string,
    taken?: Float32Array,
  ): readonly [Tensor, Tensor] => {
    const left = taken ? read(name).map((value, i) => value / taken[i]) : read(name);
    const gain = initialiser(g, name, 'f32', [dim], { bytes: bytesOf(left) });
    const spec = f32(x.shape);
    const epsilon = { float: rmsEps };
    if (branch === undefined) {
      const attributes = { axis: -1, epsilon, stash_type: 1 };
      return [node(g, 'SimplifiedLayerNormalization', [x, gain], [spec], attributes)[0], x];
    }
    const outputs = [spec, null, null, spec];
    const inputs = [x, branch, gain];
    const made = node(g, 'SkipSimplifiedLayerNormalization', inputs, outputs, { epsilon }, 'com.microsoft');
    return [made[0], made[3]];
  };

  const pick = (all: Tensor, width: number): Tensor => {
    const flat = node(g, 'Reshape', [all, constant(g, 'i64', [-1, width])], [f32(['tokens', width])])[0];
    return node(g, 'Gather', [flat, rows], [f32(['n', width])], { axis: 0 })[0];
  };

  const table = plain('model.embed_tokens.weight', [vocab, dim]);
  let x = node(g, 'Gather', [table, ids], [f32(['batch', 'seq', dim])], { axis: 0 })[0];
  let branch: Tensor | undefined;
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const attentionGain = shared(`${prefix}.input_layernorm.weight`);
    const feedGain = shared(`${prefix}.post_attention_layernorm.weight`);
    const [h, before] = norm(x, branch, `${prefix}.input_layernorm.weight`, attentionGain);
    const qkv = project(h, prefix, qkvNames, attentionGain);
    const cache = f32(['batch', kvHeads, 'seq', headDim]);
    const mixed = node(
      g,
      'GroupQueryAttention',
      [qkv, null, null, null, null, lastIndex, totalLength, cos, sin],
      [f32(['batch', 'seq', heads * headDim]), cache, cache],
      {
        num_heads: heads,
        kv_num_heads: kvHeads,
        do_rotary: 1,
        rotary_interleaved: 0,
        scale: { float: 1 / Math.sqrt(headDim) },
      },
      'com.microsoft',
    )[0];
    const isLast = layer + 1 === config.layers; // what comes after attention is needed for the scored rows only
    const attended = project(isLast ? pick(mixed, heads * headDim) : mixed, prefix, ['self_attn.o_proj']);
    const [m, after] = norm(
      isLast ? pick(before, dim) : before,
      attended,
      `${prefix}.post_attention_layernorm.weight`,
      feedGain,
    );
    const half = f32([...m.shape.slice(0, -1), ffn]);
    const gateUp = project(m, prefix, ['mlp.gate_proj', 'mlp.up_proj'], feedGain);
    const [gate, up] = node(g, 'Split', [gateUp], [half, half], { axis: -1, num_outputs: 2 });
    const silu = node(g, 'QuickGelu', [gate], [half], { alpha: { float: 1 } }, 'com.microsoft')[0];
    branch = project(binary(g, 'Mul', silu, up), prefix, ['mlp.down_proj']);
    x = after;
  }
  if (branch === undefined) throw new Error('bug: a model without layers');
  const [last] = norm(x, branch, 'model.norm.weight');
  const headName = config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight';
  const logits = product(g, last, 'head', [{ values: read(headName), out: vocab }], dim);
  const p = softmax(g, logits); // [n, vocab]
  const column = node(
    g,
    'Unsqueeze',
    [labels, constant(g, 'i64', [-1])],
    [{ dtype: 'i64', shape: ['n', 1] }],
  )[0];
  const picked = node(g, 'GatherElements', [p, column], [f32(['n', 1])], { axis: -1 })[0];
  const nll = unary(g, 'Neg', unary(g, 'Log', binary(g, 'Max', picked, scalar(g, 'f32', 1e-37))));
  graphOutput(g, 'nll', node(g, 'Squeeze', [nll, constant(g, 'i64', [-1])], [f32(['n'])])[0]);
  return buildOnnx(g);
}

interface Part {
  /** [out, in] */
  readonly values: Float32Array;
  readonly out: number;
}

/** x [..., in] through matrices that lie side by side: [..., sum of out]. */
function product(
  g: Graph,
  x: Tensor,
  name: string,
  parts: readonly Part[],
  into: number,
  bias?: readonly number[],
): Tensor {
  const total = parts.reduce((sum, { out }) => sum + out, 0);
  const matrix = new Float32Array(into * total); // [in, out], which onnxruntime packs best
  let column = 0;
  for (const { values, out } of parts)
    for (let row = 0; row < out; row++, column++)
      for (let i = 0; i < into; i++) matrix[i * total + column] = values[row * into + i];
  const weight = initialiser(g, name, 'f32', [into, total], { bytes: bytesOf(matrix) });
  const spec = { dtype: 'f32', shape: [...x.shape.slice(0, -1), total] } as const;
  const y = node(g, 'MatMul', [x, weight], [spec])[0];
  return bias === undefined ? y : node(g, 'Add', [y, constant(g, 'f32', bias)], [spec])[0];
}

/** The same in integers. @param gain of the norm before, as far as the weights take it over, [in] */
function int8Product(
  g: Graph,
  x: Tensor,
  name: string,
  parts: readonly Part[],
  gain: Float32Array,
  bias?: readonly number[],
): Tensor {
  const into = gain.length;
  const total = parts.reduce((sum, { out }) => sum + out, 0);
  const codes = new Int8Array(into * total); // [in, out]
  const scales = new Float32Array(total);
  let column = 0;
  for (const { values, out } of parts)
    for (let row = 0; row < out; row++, column++) {
      const weights = gain.map((factor, i) => factor * values[row * into + i]);
      const largest = weights.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      scales[column] = largest === 0 ? 1 : largest / weightMax;
      for (let i = 0; i < into; i++) codes[i * total + column] = Math.round(weights[i] / scales[column]);
    }
  const matrix = initialiser(g, name, 'i8', [into, total], { bytes: bytesOf(codes) });
  const inputs = [x, matrix, constant(g, 'f32', scales), ...(bias ? [null, constant(g, 'f32', bias)] : [])];
  const spec = { dtype: 'f32', shape: [...x.shape.slice(0, -1), total] } as const;
  return node(g, 'DynamicQuantizeMatMul', inputs, [spec], {}, 'com.microsoft')[0];
}

function bytesOf(array: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
