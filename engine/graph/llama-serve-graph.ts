// Llama prefill and decode as one graph: new tokens in, logits of chosen rows and the tokens' place in the KV cache out,
// each row with its own LoRA weights as inputs. Used by the batch sessions of engine/serve (CPU and GPU). Forward only;
// training has its own graph. It knows no sessions and no requests.
// Invariants: only the LoRA groups asked for have inputs, so a graph for the base alone pays nothing for adapters; what
// a row yields does not depend on the other rows, nor on which groups are built (a group without effect adds zero).
import { hasBias, type Projection, projectionShape } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { WeightFormat } from '../model/weight-format.ts';
import {
  type AttentionStep,
  cachedAttention,
  checkHeadSize,
  type KvForm,
  rotaryConstants,
} from './cached-attention.ts';
import {
  buildOnnx,
  constant,
  createGraph,
  type Graph,
  graphInput,
  graphOutput,
  node,
  type Tensor,
} from './graph-builder.ts';
import { binary } from './ops-elementwise.ts';
import { likeliest } from './ops-likeliest.ts';
import { rotaryTables } from './ops-rotary.ts';
import { type ServeWeights, serveWeights, type WeightPlace } from './serve-weights.ts';

/** Projections that read the same input share one A matrix (their A's side by side). */
export const loraGroups = [
  { name: 'qkv', projections: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'] },
  { name: 'o', projections: ['self_attn.o_proj'] },
  { name: 'gate_up', projections: ['mlp.gate_proj', 'mlp.up_proj'] },
  { name: 'down', projections: ['mlp.down_proj'] },
] as const satisfies readonly { readonly name: string; readonly projections: readonly Projection[] }[];
export type LoraGroup = (typeof loraGroups)[number];
const [qkvGroup, outputGroup, gateUpGroup, downGroup] = loraGroups;

/** f32 [batch, in, projections of the group * rank]; the rank is the caller's, the same for the whole group. */
export function loraInputA(layer: number, group: LoraGroup): string {
  return `lora.${layer}.${group.name}.a`;
}

/** f32 [batch, rank, out], alpha / rank already multiplied in. */
export function loraInputB(layer: number, projection: Projection): string {
  return `lora.${layer}.${projection}.b`;
}

/** Likeliest tokens that a step returns with their probabilities. */
export const likeliestMax = 64;

interface ServeGraph {
  readonly onnx: Uint8Array;
  /** Values of each initialiser, to be handed to the session as external data under the same path. */
  readonly externalData: ServeWeights['externalData'];
}

interface ServeGraphOptions {
  readonly config: LlamaConfig;
  /** Cache length in tokens. */
  readonly contextTokens: number;
  /** Values by Hugging Face name; called once for each name. */
  readonly read: (name: string) => Float32Array;
  readonly weights: WeightFormat;
  readonly kvForm: KvForm;
  /** The LoRA groups that have inputs. */
  readonly groups: ReadonlySet<LoraGroup['name']>;
  /** See {@link serveWeights}. */
  readonly put?: (data: Uint8Array) => WeightPlace;
}

/**
 * Inputs: ids i64 [batch, seq]; positions i64 [batch, seq] (only where rotary is outside the attention kernel);
 * last_index i32 [batch]; total_length i32 [1]; past_k.i, past_v.i [batch, kvHeads, contextTokens, headDim]; rows i64 [n]
 * (indices into the batch * seq tokens whose logits are wanted); inverse_temperature f32 [n, 1]; the LoRA inputs.
 * Outputs: `poison` (in_place only; serve-run.ts explains it); logits [n, vocab]; top_ids i32 and top_probabilities f32
 * [n, min(64, vocab)]; in_place: present_k.i, present_v.i, the past with the new tokens in it; plain: new_k.i, new_v.i
 * [batch, seq, kvHeads * headDim].
 * @throws EngineError `config_unsupported`
 */
export function buildLlamaServeGraph(options: ServeGraphOptions): ServeGraph {
  const { config, groups } = options;
  checkHeadSize(config.headDim);
  const g = createGraph('llama_serve');
  const weights = serveWeights(g, options.read, options.weights, options.put);
  const gain = (name: string): Tensor => weights.plain(name, [config.dim]);
  /** x [batch, seq, in] -> [batch, seq, out] through the projections of a group, side by side, LoRA included. */
  const project = (x: Tensor, layer: number, group: LoraGroup): Tensor => {
    const prefix = `model.layers.${layer}`;
    const biased = hasBias(config, group.projections[0]);
    const parts = group.projections.map((projection) => ({
      name: `${prefix}.${projection}.weight`,
      out: projectionShape(config, projection)[0],
      ...(biased ? { biasName: `${prefix}.${projection}.bias` } : {}),
    }));
    const into = projectionShape(config, group.projections[0])[1];
    // The bias comes before the LoRA part, so that the base alone computes the same with and without LoRA inputs.
    const y = weights.linear(x, `${prefix}.${group.name}`, parts, into);
    return groups.has(group.name) ? binary(g, 'Add', y, loraDelta(g, config, x, layer, group)) : y;
  };

  const attend = attentionInputs(g, options); // before all else: `poison` must be the first output
  const ids = graphInput(g, 'ids', 'i64', ['batch', 'seq']);
  const rows = graphInput(g, 'rows', 'i64', ['n']);
  const inverseTemperature = graphInput(g, 'inverse_temperature', 'f32', ['n', 1]);
  const table = weights.plain('model.embed_tokens.weight', [config.vocab, config.dim]);
  const width = { dtype: 'f32', shape: ['batch', 'seq', config.dim] } as const;
  let x = node(g, 'Gather', [table, ids], [width], { axis: 0 })[0]; // [batch, seq, dim]
  let branch: Tensor | undefined; // what the previous block adds to x
  const cacheOutputs: Tensor[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `model.layers.${layer}`;
    const [h, afterMlp] = addNorm(g, x, branch, gain(`${name}.input_layernorm.weight`), config);
    const { mixed, outputK, outputV } = attend(layer, project(h, layer, qkvGroup));
    cacheOutputs.push(outputK, outputV);
    const attended = project(mixed, layer, outputGroup);
    const [m, sum] = addNorm(g, afterMlp, attended, gain(`${name}.post_attention_layernorm.weight`), config);
    const half = { dtype: 'f32', shape: ['batch', 'seq', config.ffn] } as const;
    const halves = { axis: -1, num_outputs: 2 };
    const [gate, up] = node(g, 'Split', [project(m, layer, gateUpGroup)], [half, half], halves);
    const silu = node(g, 'QuickGelu', [gate], [half], { alpha: { float: 1 } }, 'com.microsoft')[0]; // z sigmoid(z)
    branch = project(binary(g, 'Mul', silu, up), layer, downGroup);
    x = sum;
  }
  // Norm and head only for the rows asked for.
  const wanted = { dtype: 'f32', shape: ['n', config.dim] } as const;
  const pick = (all: Tensor): Tensor => node(g, 'Gather', [flat(g, all), rows], [wanted], { axis: 0 })[0];
  if (branch === undefined) throw new Error('bug: a model without layers');
  const [last] = addNorm(g, pick(x), pick(branch), gain('model.norm.weight'), config);
  const headName = config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight';
  const logits = weights.head(last, headName, config.vocab, config.dim, 'logits');
  graphOutput(g, 'logits', logits);
  const top = likeliest(g, logits, inverseTemperature, Math.min(likeliestMax, config.vocab));
  graphOutput(g, 'top_ids', top.ids);
  graphOutput(g, 'top_probabilities', top.probabilities);
  for (const output of cacheOutputs) graphOutput(g, output.name, output);
  return { onnx: buildOnnx(g), externalData: weights.externalData };
}

/** RMSNorm of x + branch, and that sum. */
function addNorm(
  g: Graph,
  x: Tensor,
  branch: Tensor | undefined,
  gain: Tensor,
  config: LlamaConfig,
): readonly [normed: Tensor, sum: Tensor] {
  const spec = { dtype: 'f32', shape: x.shape } as const;
  const epsilon = { float: config.rmsEps };
  if (branch === undefined) {
    const attributes = { axis: -1, epsilon, stash_type: 1 };
    return [node(g, 'SimplifiedLayerNormalization', [x, gain], [spec], attributes)[0], x];
  }
  const [normed, , , sum] = node(
    g,
    'SkipSimplifiedLayerNormalization',
    [x, branch, gain],
    [spec, null, null, spec],
    { epsilon },
    'com.microsoft',
  );
  return [normed, sum];
}

/** Declares the inputs that attention needs and returns the step of one layer. */
function attentionInputs(
  g: Graph,
  { config, contextTokens, kvForm }: ServeGraphOptions,
): (layer: number, qkv: Tensor) => AttentionStep {
  const tables = rotaryConstants(g, rotaryTables(contextTokens, config));
  const positions = graphInput(g, 'positions', 'i64', ['batch', 'seq']);
  const lastIndex = graphInput(g, 'last_index', 'i32', ['batch']);
  const totalLength = graphInput(g, 'total_length', 'i32', [1]);
  if (kvForm === 'in_place') {
    const sequence = { dtype: 'i32', shape: [1], sequence: true, name: 'poison' } as const;
    graphOutput(g, 'poison', node(g, 'SequenceConstruct', [totalLength], [sequence])[0]);
  }
  const shape = ['batch', config.kvHeads, contextTokens, config.headDim];
  const output = kvForm === 'in_place' ? 'present' : 'new';
  return (layer, qkv) => {
    const pastK = graphInput(g, `past_k.${layer}`, 'f32', shape);
    const pastV = graphInput(g, `past_v.${layer}`, 'f32', shape);
    const names = { k: `${output}_k.${layer}`, v: `${output}_v.${layer}` };
    const inputs = { qkv, pastK, pastV, lastIndex, totalLength, positions, ...tables };
    return cachedAttention(g, inputs, config, kvForm, names);
  };
}

/** x A B for each projection of the group, side by side: [batch, seq, out]. Row i uses row i of A and B. */
function loraDelta(g: Graph, config: LlamaConfig, x: Tensor, layer: number, group: LoraGroup): Tensor {
  const [batch, seq, into] = x.shape;
  const widths = group.projections.map((projection) => projectionShape(config, projection)[0]);
  const rank = `rank_${group.name}`;
  const ranks = widths.length === 1 ? rank : `ranks_${group.name}`;
  const a = graphInput(g, loraInputA(layer, group), 'f32', [batch, into, ranks]);
  const xa = node(g, 'MatMul', [x, a], [{ dtype: 'f32', shape: [batch, seq, ranks] }]);
  const part = { dtype: 'f32', shape: [batch, seq, rank] } as const;
  const count = { axis: -1, num_outputs: widths.length };
  const parts =
    widths.length === 1
      ? xa
      : node(
          g,
          'Split',
          xa,
          widths.map(() => part),
          count,
        );
  const deltas = group.projections.map((projection, index) => {
    const b = graphInput(g, loraInputB(layer, projection), 'f32', [batch, rank, widths[index]]);
    const spec = { dtype: 'f32', shape: [batch, seq, widths[index]] } as const;
    return node(g, 'MatMul', [parts[index], b], [spec])[0];
  });
  if (deltas.length === 1) return deltas[0];
  const out = widths.reduce((total, width) => total + width, 0);
  return node(g, 'Concat', deltas, [{ dtype: 'f32', shape: [batch, seq, out] }], { axis: -1 })[0];
}

/** [batch, seq, dim] -> [tokens, dim] */
function flat(g: Graph, x: Tensor): Tensor {
  const width = Number(x.shape[2]);
  const sizes = constant(g, 'i64', [-1, width]);
  return node(g, 'Reshape', [x, sizes], [{ dtype: x.dtype, shape: ['tokens', width] }])[0];
}
