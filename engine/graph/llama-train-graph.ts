// Llama forward pass, weighted token loss and gradients as one graph with fixed [batch, seq]: for pre-training,
// LoRA fine-tuning, scoring and per-example gradients. Used by engine/train and engine/attribution. It knows
// no optimiser and no data. All weights are inputs under their Hugging Face names, so one buffer serves many
// sessions and the optimiser may change it in place between runs. Rows are padded on the right: causal
// attention never looks there, and weight 0 keeps it out of the loss.
import { llamaTensorShapes, type Projection, projectionShape, projections } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { grad } from './autodiff.ts';
import { buildOnnx, createGraph, type Graph, graphInput, graphOutput, type Tensor } from './graph-builder.ts';
import { causalAttention } from './ops-attention.ts';
import { add, swiglu } from './ops-elementwise.ts';
import { embedding } from './ops-embedding.ts';
import { type LoraPair, loraLinear } from './ops-lora.ts';
import { tokenLoss } from './ops-loss.ts';
import { linear } from './ops-matmul.ts';
import { rmsNorm } from './ops-norm.ts';
import { rotary, rotaryTables } from './ops-rotary.ts';
import { reshape } from './ops-shape.ts';

export interface LoraShape {
  readonly rank: number;
  readonly targets: readonly Projection[];
}

export interface TrainGraphOptions {
  readonly config: LlamaConfig;
  readonly batch: number;
  readonly seq: number;
  /** none: loss and nll only. full: every weight. lora: A and B. loraPerExample: A and B for each row apart. */
  readonly gradients: 'none' | 'full' | 'lora' | 'loraPerExample';
  /** Adds inputs for A, B of these projections and the scalar `lora_scale` (alpha / rank; 0 = base model). */
  readonly lora?: LoraShape;
  /** f64 is for tests: slow, composed ops only. */
  readonly floatType?: 'f32' | 'f64';
}

export interface TrainGraph {
  /** Bytes for `InferenceSession.create`. */
  readonly onnx: Uint8Array;
  /** Weights to feed beside `ids`, `labels` (i64 [batch, seq]) and `weights` (float [batch, seq]). */
  readonly weightShapes: ReadonlyMap<string, readonly number[]>;
  readonly loraShapes: ReadonlyMap<string, readonly number[]>;
  /**
   * Weights with a gradient; the output is `gradientName(weight)`. Beside them the graph gives `loss` [] and
   * `nll` [batch, seq]. A per-example gradient has shape [batch, ...shape of the weight].
   */
  readonly trained: readonly string[];
}

export function gradientName(weight: string): string {
  return `grad.${weight}`;
}

/** Input names of A [rank, in] and B [out, rank]; PEFT files prefix them with `base_model.model.`. */
export function loraTensorShapes(
  config: LlamaConfig,
  lora: LoraShape,
): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (let layer = 0; layer < config.layers; layer++) {
    for (const projection of projections.filter((name) => lora.targets.includes(name))) {
      const [out, into] = projectionShape(config, projection);
      shapes.set(`model.layers.${layer}.${projection}.lora_A.weight`, [lora.rank, into]);
      shapes.set(`model.layers.${layer}.${projection}.lora_B.weight`, [out, lora.rank]);
    }
  }
  return shapes;
}

export function buildLlamaTrainGraph(options: TrainGraphOptions): TrainGraph {
  const { config, batch, seq, gradients, lora, floatType = 'f32' } = options;
  const g = createGraph('llama_train');
  const ids = graphInput(g, 'ids', 'i64', [batch, seq]);
  const labels = graphInput(g, 'labels', 'i64', [batch, seq]);
  const tokenWeights = graphInput(g, 'weights', floatType, [batch, seq]);
  const weightShapes = llamaTensorShapes(config);
  const loraShapes = lora ? loraTensorShapes(config, lora) : new Map<string, readonly number[]>();
  const inputs = (shapes: ReadonlyMap<string, readonly number[]>, requiresGrad: boolean) =>
    new Map(
      [...shapes].map(([name, shape]) => [name, graphInput(g, name, floatType, shape, { requiresGrad })]),
    );
  const weights = inputs(weightShapes, gradients === 'full');
  const pairs = inputs(loraShapes, gradients === 'lora' || gradients === 'loraPerExample');
  const loraScale = lora ? graphInput(g, 'lora_scale', floatType, []) : undefined;

  const logits = llamaLogits(g, reshape(g, ids, [batch * seq]), {
    ...options,
    weight: (name) => weights.get(name),
    loraPair: (layerName) => {
      const a = pairs.get(`${layerName}.lora_A.weight`);
      const b = pairs.get(`${layerName}.lora_B.weight`);
      return a && b && loraScale ? { a, b, scale: loraScale } : undefined;
    },
  });
  const rows = batch * seq;
  const flatLabels = reshape(g, labels, [rows]);
  const { loss, nll } = tokenLoss(g, logits, flatLabels, reshape(g, tokenWeights, [rows]));
  graphOutput(g, 'loss', loss);
  graphOutput(g, 'nll', reshape(g, nll, [batch, seq]));

  const trained = [...weights.values(), ...pairs.values()].filter((tensor) => tensor.requiresGrad);
  grad(g, loss, trained).forEach((gradient, index) => {
    graphOutput(g, gradientName(trained[index].name), gradient);
  });
  return { onnx: buildOnnx(g), weightShapes, loraShapes, trained: trained.map((tensor) => tensor.name) };
}

interface ForwardParts extends TrainGraphOptions {
  readonly weight: (name: string) => Tensor | undefined;
  readonly loraPair: (layerName: string) => LoraPair | undefined;
}

/** ids [rows] -> logits [rows, vocab], rows = batch * seq. */
function llamaLogits(g: Graph, ids: Tensor, parts: ForwardParts): Tensor {
  const { config, batch, seq, gradients } = parts;
  const { heads, kvHeads, headDim } = config;
  const rows = batch * seq;
  const examples = gradients === 'loraPerExample' ? batch : undefined;
  const tables = rotaryTables(seq, config);
  const weight = (name: string): Tensor => {
    const tensor = parts.weight(name);
    if (tensor === undefined) throw new Error(`the model has no weight ${name}`);
    return tensor;
  };
  const project = (x: Tensor, name: string): Tensor => {
    const w = weight(`${name}.weight`);
    const pair = parts.loraPair(name);
    const y = pair ? loraLinear(g, x, w, pair, examples) : linear(g, x, w);
    const bias = parts.weight(`${name}.bias`);
    return bias ? add(g, y, bias) : y;
  };
  const byRow = (x: Tensor): Tensor => reshape(g, x, [batch, seq, Number(x.shape[1])]);

  const table = weight('model.embed_tokens.weight');
  let x = embedding(g, table, ids); // [rows, dim]
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `model.layers.${layer}`;
    const h = rmsNorm(g, x, weight(`${name}.input_layernorm.weight`), config.rmsEps);
    const q = rotary(g, byRow(project(h, `${name}.self_attn.q_proj`)), tables);
    const k = rotary(g, byRow(project(h, `${name}.self_attn.k_proj`)), tables);
    const v = byRow(project(h, `${name}.self_attn.v_proj`));
    const mixed = causalAttention(g, q, k, v, { batch, seq, heads, kvHeads, headDim });
    x = add(g, x, project(reshape(g, mixed, [rows, heads * headDim]), `${name}.self_attn.o_proj`));
    const m = rmsNorm(g, x, weight(`${name}.post_attention_layernorm.weight`), config.rmsEps);
    const gated = swiglu(g, project(m, `${name}.mlp.gate_proj`), project(m, `${name}.mlp.up_proj`));
    x = add(g, x, project(gated, `${name}.mlp.down_proj`));
  }
  const last = rmsNorm(g, x, weight('model.norm.weight'), config.rmsEps);
  return linear(g, last, config.tied ? table : weight('lm_head.weight'));
}
