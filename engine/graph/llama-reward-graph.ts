// A reward model as one graph with fixed [batch, seq]: the Llama body with a scalar head on the last token of each
// row, as LlamaForSequenceClassification of transformers has it. Used by reward-session.ts. It knows no preference
// loss: the caller gives dLoss/dReward of each row, and gradients of sum(weights * reward) come out, which are those
// of any loss of the rewards. Base weights are frozen inputs; the adapter and `score.weight` are trained.
import { llamaTensorShapes } from '../model/llama-weights.ts';
import { gradFrom } from './autodiff.ts';
import { buildOnnx, constant, createGraph, graphInput, graphOutput, type Tensor } from './graph-builder.ts';
import { llamaHidden, weightOf } from './llama-blocks.ts';
import { gradientName, loraTensorShapes, type TrainGraphOptions } from './llama-train-graph.ts';
import { binary } from './ops-elementwise.ts';
import { embedding } from './ops-embedding.ts';
import { linear } from './ops-matmul.ts';
import { rmsNorm } from './ops-norm.ts';
import { reshape } from './ops-shape.ts';

/** Name of the head, [1, dim]. Its reward has no bias: only differences of rewards matter. */
export const scoreWeight = 'score.weight';

export interface RewardGraphOptions
  extends Pick<TrainGraphOptions, 'config' | 'batch' | 'seq' | 'lora' | 'floatType'> {
  /** none: rewards only. lora: gradients of A, B and the head. */
  readonly gradients: 'none' | 'lora';
}

export interface RewardGraph {
  readonly onnx: Uint8Array;
  /** Weights to feed beside `ids` (i64 [batch, seq]), `last` (i64 [batch]) and `weights` (float [batch]). */
  readonly weightShapes: ReadonlyMap<string, readonly number[]>;
  /** A and B of the adapter and the head. */
  readonly trainedShapes: ReadonlyMap<string, readonly number[]>;
  /** Weights with a gradient, the output `gradientName(weight)`; beside them the graph gives `rewards` [batch]. */
  readonly trained: readonly string[];
}

export function buildLlamaRewardGraph(options: RewardGraphOptions): RewardGraph {
  const { config, batch, seq, gradients, lora, floatType = 'f32' } = options;
  const g = createGraph('llama_reward');
  const ids = graphInput(g, 'ids', 'i64', [batch, seq]);
  const last = graphInput(g, 'last', 'i64', [batch]);
  const rowWeights = graphInput(g, 'weights', floatType, [batch]);
  const weightShapes = llamaTensorShapes({ ...config, tied: true }); // a reward model has no head over words
  const loraShapes = lora ? loraTensorShapes(config, lora) : new Map<string, readonly number[]>();
  const trainedShapes = new Map([...loraShapes, [scoreWeight, [1, config.dim]] as const]);
  const inputs = (shapes: ReadonlyMap<string, readonly number[]>, requiresGrad: boolean) =>
    new Map(
      [...shapes].map(([name, shape]) => [name, graphInput(g, name, floatType, shape, { requiresGrad })]),
    );
  const weights = inputs(weightShapes, false);
  const trained = inputs(trainedShapes, gradients === 'lora');
  const loraScale = lora ? graphInput(g, 'lora_scale', floatType, []) : undefined;

  const weight = (name: string): Tensor | undefined => weights.get(name) ?? trained.get(name);
  const hidden = llamaHidden(g, reshape(g, ids, [batch * seq]), {
    ...{ config, batch, seq, weight },
    perExample: false,
    segments: undefined,
    loraPair: (layerName) => {
      const a = trained.get(`${layerName}.lora_A.weight`);
      const b = trained.get(`${layerName}.lora_B.weight`);
      return a && b && loraScale ? { a, b, scale: loraScale } : undefined;
    },
  });
  const firstOfRow = constant(
    g,
    'i64',
    Array.from({ length: batch }, (_, row) => row * seq),
  );
  const lastHidden = embedding(g, hidden, binary(g, 'Add', last, firstOfRow)); // [batch, dim]
  const normed = rmsNorm(g, lastHidden, weightOf({ weight }, 'model.norm.weight'), config.rmsEps);
  const rewards = reshape(g, linear(g, normed, weightOf({ weight }, scoreWeight)), [batch]);
  graphOutput(g, 'rewards', rewards);

  const wanted = [...trained.values()].filter((tensor) => tensor.requiresGrad);
  if (wanted.length > 0)
    gradFrom(g, rewards, rowWeights, wanted).forEach((gradient, index) => {
      graphOutput(g, gradientName(wanted[index].name), gradient);
    });
  return { onnx: buildOnnx(g), weightShapes, trainedShapes, trained: wanted.map((tensor) => tensor.name) };
}
