// Llama forward pass, weighted token loss and gradients as one graph with fixed [batch, seq]: for pre-training,
// LoRA fine-tuning, scoring and per-example gradients. Used by engine/train and engine/attribution. It knows
// no optimiser and no data. All weights are inputs under their Hugging Face names, so one buffer serves many
// sessions and the optimiser may change it in place between runs. Rows are padded on the right: causal
// attention never looks there, and weight 0 keeps it out of the loss.
import { llamaTensorShapes, type Projection, projectionShape, projections } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { grad } from './autodiff.ts';
import {
  buildOnnx,
  createGraph,
  graphInput,
  graphOutput,
  initialiser,
  type Tensor,
} from './graph-builder.ts';
import { llamaHidden, weightOf } from './llama-blocks.ts';
import type { OnnxWeightSource } from './onnx-model.ts';
import { headLoss } from './ops-loss.ts';
import { rmsNorm } from './ops-norm.ts';
import { type GradientProjection, projectExamples } from './ops-projection.ts';
import { segmentsOf } from './ops-segments.ts';
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
  /** With loraPerExample: one output `gradientName(projectedName)` [batch, width] in place of all gradients. */
  readonly projection?: GradientProjection;
  /** Several examples in a row: adds the input `segments` i64 [batch, seq], see TokenBatch.segments. */
  readonly packed?: boolean;
  /**
   * Where the values of a frozen weight lie: the graph then holds it instead of asking for it at each run, for devices
   * to which it would travel again and again. Only where base weights have no gradient.
   */
  readonly resident?: (name: string, shape: readonly number[]) => OnnxWeightSource;
  /** f64 is for tests: slow, composed ops only. */
  readonly floatType?: 'f32' | 'f64';
}

export interface TrainGraph {
  /** Bytes for `InferenceSession.create`. */
  readonly onnx: Uint8Array;
  /**
   * Weights to feed (none where they are resident) beside `ids`, `labels` (i64 [batch, seq]) and `weights` (float
   * [batch, seq]).
   */
  readonly weightShapes: ReadonlyMap<string, readonly number[]>;
  readonly loraShapes: ReadonlyMap<string, readonly number[]>;
  /**
   * Weights with a gradient; the output is `gradientName(weight)`. Beside them the graph gives `loss` [] and
   * `nll` [batch, seq]. A per-example gradient has shape [batch, ...shape of the weight].
   */
  readonly trained: readonly string[];
}

/** Stands for all gradients together where they are projected. */
export const projectedName = 'projected';

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
  const { config, batch, seq, gradients, lora, resident, packed = false, floatType = 'f32' } = options;
  const { projection } = options;
  if (projection && gradients !== 'loraPerExample')
    throw new Error('bug: only per-example gradients are projected');
  if (resident && gradients === 'full') throw new Error('bug: weights that are trained cannot be resident');
  const g = createGraph('llama_train');
  const ids = graphInput(g, 'ids', 'i64', [batch, seq]);
  const labels = graphInput(g, 'labels', 'i64', [batch, seq]);
  const tokenWeights = graphInput(g, 'weights', floatType, [batch, seq]);
  const frozen = resident ? llamaTensorShapes(config) : new Map<string, readonly number[]>();
  const weightShapes = resident ? new Map<string, readonly number[]>() : llamaTensorShapes(config);
  const loraShapes = lora ? loraTensorShapes(config, lora) : new Map<string, readonly number[]>();
  const inputs = (shapes: ReadonlyMap<string, readonly number[]>, requiresGrad: boolean) =>
    new Map(
      [...shapes].map(([name, shape]) => [name, graphInput(g, name, floatType, shape, { requiresGrad })]),
    );
  const weights = resident
    ? new Map(
        [...frozen].map(([name, shape]) => [
          name,
          initialiser(g, name, floatType, shape, resident(name, shape)),
        ]),
      )
    : inputs(weightShapes, gradients === 'full');
  const pairs = inputs(loraShapes, gradients === 'lora' || gradients === 'loraPerExample');
  const loraScale = lora ? graphInput(g, 'lora_scale', floatType, []) : undefined;

  const weight = (name: string): Tensor | undefined => weights.get(name);
  const hidden = llamaHidden(g, reshape(g, ids, [batch * seq]), {
    ...{ config, batch, seq, weight },
    perExample: gradients === 'loraPerExample',
    segments: packed
      ? segmentsOf(g, graphInput(g, 'segments', 'i64', [batch, seq]), floatType, { batch, seq })
      : undefined,
    loraPair: (layerName) => {
      const a = pairs.get(`${layerName}.lora_A.weight`);
      const b = pairs.get(`${layerName}.lora_B.weight`);
      return a && b && loraScale ? { a, b, scale: loraScale } : undefined;
    },
  });
  const last = rmsNorm(g, hidden, weightOf({ weight }, 'model.norm.weight'), config.rmsEps);
  const head = weightOf({ weight }, config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight');
  const rows = batch * seq;
  const flatLabels = reshape(g, labels, [rows]);
  const { loss, nll } = headLoss(g, last, head, flatLabels, reshape(g, tokenWeights, [rows]));
  graphOutput(g, 'loss', loss);
  graphOutput(g, 'nll', reshape(g, nll, [batch, seq]));

  const trained = [...weights.values(), ...pairs.values()].filter((tensor) => tensor.requiresGrad);
  const found = grad(g, loss, trained);
  const named: readonly (readonly [string, Tensor])[] = projection
    ? [[projectedName, projectExamples(g, found, projection)]]
    : trained.map(({ name }, index) => [name, found[index]]);
  for (const [name, gradient] of named) graphOutput(g, gradientName(name), gradient);
  return { onnx: buildOnnx(g), weightShapes, loraShapes, trained: named.map(([name]) => name) };
}
