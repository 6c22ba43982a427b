// Superseded by llama-serve-graph.ts; goes when nothing reads legacy-serve-session.ts any more.
// Llama prefill and decode as one graph: new tokens in, logits of chosen rows and a longer KV cache out, each row
// with its own LoRA weights as inputs (all zeros = the base model). Used by engine/serve. Forward only; training
// has its own graph. Weights are external initialisers in f32; `project` is the one place where another weight
// format (int8) would enter. It knows no sessions and no requests.
import { hasBias, projectionShape } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import {
  buildOnnx,
  constant,
  createGraph,
  type Graph,
  graphInput,
  graphOutput,
  initialiser,
  node,
  type Tensor,
} from './graph-builder.ts';
import {
  type AttentionStep,
  fusedAttention,
  fusedAttentionFits,
  rotaryConstants,
  rotaryRows,
  unfusedAttention,
} from './legacy-attention.ts';
import { type LoraGroup, loraGroups, loraInputA, loraInputB } from './llama-serve-graph.ts';
import { add, swiglu } from './ops-elementwise.ts';
import { embedding } from './ops-embedding.ts';
import { gemm } from './ops-matmul.ts';
import { rmsNorm } from './ops-norm.ts';
import { rotaryTables } from './ops-rotary.ts';

const [qkvGroup, outputGroup, gateUpGroup, downGroup] = loraGroups;

interface ServeGraph {
  readonly onnx: Uint8Array;
  /** Values of each initialiser, to be handed to the session as external data under the same path. */
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** fused: inputs last_index, total_length, fixed cache. unfused: inputs positions, mask, growing cache. */
  readonly attention: 'fused' | 'unfused';
}

interface ServeGraphOptions {
  readonly config: LlamaConfig;
  /** Cache length in tokens, at most config.maxSeq. */
  readonly contextTokens: number;
  /** Values by Hugging Face name. */
  readonly weight: (name: string) => Float32Array;
  /** For tests: the plain path where the fused kernel would fit too. */
  readonly attention?: 'unfused';
}

/**
 * Inputs: ids i64 [batch, seq]; rows i64 [n] (indices into the batch * seq tokens whose logits are wanted);
 * past_k.i, past_v.i; the LoRA inputs; and those that `attention` names. Outputs: logits [n, vocab], present_k.i,
 * present_v.i, and with fused attention `poison`, which serve-session.ts explains.
 */
export function buildLlamaServeGraph(options: ServeGraphOptions): ServeGraph {
  const { config, weight } = options;
  const fused = options.attention !== 'unfused' && fusedAttentionFits(config.headDim);
  const g = createGraph('llama_serve');
  const externalData: { path: string; data: Uint8Array }[] = [];
  const store = (name: string, shape: readonly number[], values: Float32Array): Tensor => {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    externalData.push({ path: name, data });
    return initialiser(g, name, 'f32', shape, { location: name, offset: 0, length: data.byteLength });
  };
  const norm = (x: Tensor, name: string): Tensor =>
    rmsNorm(g, x, store(name, [config.dim], weight(name)), config.rmsEps);
  /** x [batch, seq, in] -> [batch, seq, out] through the projections of a group, side by side, LoRA included. */
  const project = (x: Tensor, layer: number, group: LoraGroup): Tensor => {
    const names = group.projections.map((projection) => `model.layers.${layer}.${projection}`);
    const shapes = group.projections.map((projection) => projectionShape(config, projection));
    const into = shapes[0][1];
    const out = shapes.reduce((total, [width]) => total + width, 0);
    const values = sideBySide(
      names.map((name) => weight(`${name}.weight`)),
      into,
    );
    const w = store(`layers.${layer}.${group.name}.weight`, [into, out], values);
    const spec = { dtype: 'f32', shape: [...x.shape.slice(0, 2), out] } as const;
    const base = node(g, 'MatMul', [x, w], [spec])[0];
    const adapted = add(g, base, loraDelta(g, x, layer, group, shapes));
    if (!hasBias(config, group.projections[0])) return adapted;
    const bias = concatenated(names.map((name) => weight(`${name}.bias`)));
    return add(g, adapted, store(`layers.${layer}.${group.name}.bias`, [out], bias));
  };

  const attend = attentionInputs(g, options, fused); // before all else: `poison` must be the first output
  const ids = graphInput(g, 'ids', 'i64', ['batch', 'seq']);
  const rows = graphInput(g, 'rows', 'i64', ['n']);
  const table = store('embed', [config.vocab, config.dim], weight('model.embed_tokens.weight'));
  let x = perToken(g, embedding(g, table, flat(g, ids, [])), ids); // [batch, seq, dim]
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `model.layers.${layer}`;
    const h = norm(x, `${name}.input_layernorm.weight`);
    const { mixed, presentK, presentV } = attend(layer, project(h, layer, qkvGroup));
    graphOutput(g, `present_k.${layer}`, presentK);
    graphOutput(g, `present_v.${layer}`, presentV);
    x = add(g, x, project(mixed, layer, outputGroup));
    const m = norm(x, `${name}.post_attention_layernorm.weight`);
    const half = { dtype: 'f32', shape: ['batch', 'seq', config.ffn] } as const;
    const halves = { axis: -1, num_outputs: 2 };
    const [gate, up] = node(g, 'Split', [project(m, layer, gateUpGroup)], [half, half], halves);
    x = add(g, x, project(swiglu(g, gate, up), layer, downGroup));
  }
  const wanted = embedding(g, flat(g, x, [config.dim]), rows); // [n, dim]: norm and head only where asked for
  const head = config.tied ? table : store('head', [config.vocab, config.dim], weight('lm_head.weight'));
  graphOutput(g, 'logits', gemm(g, norm(wanted, 'model.norm.weight'), head, { transB: true }));
  return { onnx: buildOnnx(g), externalData, attention: fused ? 'fused' : 'unfused' };
}

/** Declares the inputs that attention needs and returns the step of one layer. */
function attentionInputs(
  g: Graph,
  { config, contextTokens }: ServeGraphOptions,
  fused: boolean,
): (layer: number, qkv: Tensor) => AttentionStep {
  const tables = rotaryConstants(g, rotaryTables(contextTokens, config));
  const past = (side: 'k' | 'v', layer: number): Tensor => {
    const shape = ['batch', config.kvHeads, fused ? contextTokens : 'past', config.headDim];
    return graphInput(g, `past_${side}.${layer}`, 'f32', shape);
  };
  if (fused) {
    const lastIndex = graphInput(g, 'last_index', 'i32', ['batch']);
    const totalLength = graphInput(g, 'total_length', 'i32', [1]);
    const sequence = { dtype: 'i32', shape: [1], sequence: true } as const;
    graphOutput(g, 'poison', node(g, 'SequenceConstruct', [totalLength], [sequence])[0]);
    return (layer, qkv) => {
      const cache = { pastK: past('k', layer), pastV: past('v', layer) };
      return fusedAttention(g, { qkv, ...cache, lastIndex, totalLength, ...tables }, config);
    };
  }
  const positions = graphInput(g, 'positions', 'i64', ['seq']);
  const mask = graphInput(g, 'mask', 'f32', ['seq', 'total']);
  const cos = rotaryRows(g, tables.cos, positions);
  const sin = rotaryRows(g, tables.sin, positions);
  return (layer, qkv) => {
    const cache = { pastK: past('k', layer), pastV: past('v', layer) };
    return unfusedAttention(g, { qkv, ...cache, cos, sin, mask }, config);
  };
}

/** x A B for each projection of the group, side by side: [batch, seq, out]. Row i uses row i of A and B. */
function loraDelta(
  g: Graph,
  x: Tensor,
  layer: number,
  group: LoraGroup,
  shapes: readonly (readonly [number, number])[],
): Tensor {
  const [batch, seq, into] = x.shape;
  const rank = `rank_${group.name}`;
  const ranks = shapes.length === 1 ? rank : `ranks_${group.name}`;
  const a = graphInput(g, loraInputA(layer, group), 'f32', [batch, into, ranks]);
  const narrow = { dtype: 'f32', shape: [batch, seq, ranks] } as const;
  const xa = node(g, 'MatMul', [x, a], [narrow]);
  const part = { ...narrow, shape: [batch, seq, rank] };
  const perProjection =
    shapes.length === 1
      ? xa
      : node(
          g,
          'Split',
          xa,
          shapes.map(() => part),
          { axis: -1, num_outputs: shapes.length },
        );
  const deltas = group.projections.map((projection, index) => {
    const [out] = shapes[index];
    const b = graphInput(g, loraInputB(layer, projection), 'f32', [batch, rank, out]);
    const spec = { dtype: 'f32', shape: [batch, seq, out] } as const;
    return node(g, 'MatMul', [perProjection[index], b], [spec])[0];
  });
  if (deltas.length === 1) return deltas[0];
  const out = shapes.reduce((total, [width]) => total + width, 0);
  return node(g, 'Concat', deltas, [{ dtype: 'f32', shape: [batch, seq, out] }], { axis: -1 })[0];
}

/** [batch, seq, ...inner] -> [tokens, ...inner] */
function flat(g: Graph, x: Tensor, inner: readonly number[]): Tensor {
  const sizes = constant(g, 'i64', [-1, ...inner]);
  return node(g, 'Reshape', [x, sizes], [{ dtype: x.dtype, shape: ['tokens', ...inner] }])[0];
}

/** [tokens, dim] -> [batch, seq, dim], with batch and seq read off `ids`. */
function perToken(g: Graph, x: Tensor, ids: Tensor): Tensor {
  const width = constant(g, 'i64', [Number(x.shape[1])]);
  const idsShape = node(g, 'Shape', [ids], [{ dtype: 'i64', shape: [2] }])[0];
  const sizes = node(g, 'Concat', [idsShape, width], [{ dtype: 'i64', shape: [3] }], { axis: 0 })[0];
  return node(g, 'Reshape', [x, sizes], [{ dtype: 'f32', shape: [...ids.shape, x.shape[1]] }])[0];
}

/** Projections [out, in] as stored -> one matrix [in, sum of out], the layout that MatMul packs best. */
function sideBySide(parts: readonly Float32Array[], into: number): Float32Array {
  const total = parts.reduce((sum, part) => sum + part.length, 0) / into;
  const merged = new Float32Array(into * total);
  let column = 0;
  for (const part of parts) {
    for (let start = 0; start < part.length; start += into, column++) {
      for (let i = 0; i < into; i++) merged[i * total + column] = part[start + i];
    }
  }
  return merged;
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
