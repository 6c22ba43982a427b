// The Llama body as differentiable steps: one decoder layer, and all of them from token ids to the last hidden
// states. Used by the training graphs (whole model, one layer, reward), which own inputs, losses and outputs.
// It knows no loss and no gradient mode. Rows are tokens: x is [batch * seq, dim] throughout.
import type { LlamaConfig } from '../model/model-config.ts';
import type { Graph, Tensor } from './graph-builder.ts';
import type { Dim } from './onnx-model.ts';
import { causalAttention } from './ops-attention.ts';
import { add, swiglu } from './ops-elementwise.ts';
import { embedding } from './ops-embedding.ts';
import { type LoraPair, loraLinear } from './ops-lora.ts';
import { addProduct, linear } from './ops-matmul.ts';
import { rmsNorm } from './ops-norm.ts';
import { rotary, rotaryTables, scaledTables } from './ops-rotary.ts';
import type { Segments } from './ops-segments.ts';
import { reshape } from './ops-shape.ts';

export interface LlamaParts {
  readonly config: LlamaConfig;
  readonly batch: number;
  /** A name where it is only known when the graph runs; batch is 1 then, and `segments` is given. */
  readonly seq: Dim;
  /** A weight by the name it is asked for; undefined = the model has none (a bias). */
  readonly weight: (name: string) => Tensor | undefined;
  /** The adapter of a projection, by the projection's name without `.weight`. */
  readonly loraPair: (layerName: string) => LoraPair | undefined;
  /** Gradients of A and B for each row of the batch apart. */
  readonly perExample: boolean;
  /** Several examples in a row; undefined = one a row. */
  readonly segments: Segments | undefined;
}

/**
 * One decoder layer, its weights asked for as `${prefix}input_layernorm.weight` and so on: x -> x.
 * @param kept which rows leave the layer, all if left out; what comes after attention is done for those only
 */
export function llamaLayer(
  g: Graph,
  x: Tensor,
  prefix: string,
  parts: LlamaParts,
  kept: (rows: Tensor) => Tensor = (all) => all,
): Tensor {
  const { config, batch, seq, segments } = parts;
  const { heads, kvHeads, headDim } = config;
  const examples = parts.perExample ? batch : undefined;
  const tables = rotaryTables(typeof seq === 'number' ? seq : config.maxSeq, config);
  const rows = typeof seq === 'number' ? batch * seq : seq;
  const project = (input: Tensor, projection: string): Tensor => {
    const name = `${prefix}${projection}`;
    const w = weightOf(parts, `${name}.weight`);
    const pair = parts.loraPair(name);
    const y = pair ? loraLinear(g, input, w, pair, examples) : linear(g, input, w);
    const bias = parts.weight(`${name}.bias`);
    return bias ? add(g, y, bias) : y;
  };
  const byRow = (input: Tensor): Tensor => reshape(g, input, [batch, seq, Number(input.shape[1])]);
  const norm = (input: Tensor, name: string): Tensor =>
    rmsNorm(g, input, weightOf(parts, `${prefix}${name}.weight`), config.rmsEps);

  const h = norm(x, 'input_layernorm');
  const scaled = scaledTables(tables, 1 / Math.sqrt(headDim)); // the scale of the scores, for nothing
  const q = rotary(g, byRow(project(h, 'self_attn.q_proj')), scaled, segments?.positions);
  const k = rotary(g, byRow(project(h, 'self_attn.k_proj')), tables, segments?.positions);
  const v = byRow(project(h, 'self_attn.v_proj'));
  const mixed = causalAttention(g, q, k, v, { batch, seq, heads, kvHeads, headDim }, segments?.mask);
  const heard = kept(reshape(g, mixed, [rows, heads * headDim]));
  const attended = add(g, kept(x), project(heard, 'self_attn.o_proj'));
  const m = norm(attended, 'post_attention_layernorm');
  const gated = swiglu(g, project(m, 'mlp.gate_proj'), project(m, 'mlp.up_proj'));
  return addProduct(g, attended, project(gated, 'mlp.down_proj'));
}

/**
 * ids i64 [batch * seq] -> hidden states after the last layer, before `model.norm`: [batch * seq, dim].
 * @param kept of those, the rows that are wanted, all if left out
 */
export function llamaHidden(
  g: Graph,
  ids: Tensor,
  parts: LlamaParts,
  kept?: (rows: Tensor) => Tensor,
): Tensor {
  let x = embedding(g, weightOf(parts, 'model.embed_tokens.weight'), ids);
  for (let layer = 0; layer < parts.config.layers; layer++)
    x = llamaLayer(g, x, `model.layers.${layer}.`, parts, layer + 1 < parts.config.layers ? undefined : kept);
  return x;
}

export function weightOf(parts: Pick<LlamaParts, 'weight'>, name: string): Tensor {
  const tensor = parts.weight(name);
  if (tensor === undefined) throw new Error(`bug: the model has no weight ${name}`);
  return tensor;
}
