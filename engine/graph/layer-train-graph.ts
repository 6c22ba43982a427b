// The three small graphs of layer-wise training: one decoder layer forward, the same layer backward (it computes its
// inner values again), and the output layer with its loss. Used by layer-wise-session.ts, which runs them layer after
// layer with that layer's weights. All layers share a graph: weights are inputs under their names without the
// `model.layers.N.` prefix. It knows no depth, no session and no optimiser.
import { llamaTensorShapes } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { grad, gradFrom } from './autodiff.ts';
import { buildOnnx, createGraph, type Graph, graphInput, graphOutput, type Tensor } from './graph-builder.ts';
import { llamaLayer } from './llama-blocks.ts';
import { gradientName, loraTensorShapes, type TrainGraphOptions } from './llama-train-graph.ts';
import { headLoss } from './ops-loss.ts';
import { rmsNorm } from './ops-norm.ts';
import { segmentsOf } from './ops-segments.ts';

type LayerGraphOptions = Omit<TrainGraphOptions, 'resident'>;

/** Names of a layer's inputs and outputs, beside its weights and the gradients of those. */
export const layerTensors = { x: 'x', y: 'y', dy: 'dy', dx: 'dx' } as const;

export interface LayerGraph {
  readonly onnx: Uint8Array;
  /** A, B of the adapter and the weights of one layer, without prefix. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Those with a gradient, output `gradientName(name)`. */
  readonly trained: readonly string[];
}

/** `x` [batch * seq, dim] -> `y`, the same shape. */
export function buildLayerForward(options: LayerGraphOptions): LayerGraph {
  const g = createGraph('llama_layer');
  const { y, shapes } = layerWithInputs(g, { ...options, gradients: 'none' });
  graphOutput(g, layerTensors.y, y);
  return { onnx: buildOnnx(g), shapes, trained: [] };
}

/** `x`, `dy` -> `dx` and gradients of the layer's weights or its adapter. */
export function buildLayerBackward(options: LayerGraphOptions): LayerGraph {
  const { config, batch, seq, floatType = 'f32' } = options;
  const g = createGraph('llama_layer_backward');
  const { x, y, shapes, weights } = layerWithInputs(g, options);
  const dy = graphInput(g, layerTensors.dy, floatType, [batch * seq, config.dim]);
  const trained = weights.filter((tensor) => tensor.requiresGrad);
  const [dx, ...gradients] = gradFrom(g, y, dy, [x, ...trained]);
  graphOutput(g, layerTensors.dx, dx);
  gradients.forEach((gradient, index) => {
    graphOutput(g, gradientName(trained[index].name), gradient);
  });
  return { onnx: buildOnnx(g), shapes, trained: trained.map(({ name }) => name) };
}

function layerWithInputs(g: Graph, options: LayerGraphOptions) {
  const { config, batch, seq, gradients, lora, packed = false, floatType = 'f32' } = options;
  const learns = gradients !== 'none';
  const x = graphInput(g, layerTensors.x, floatType, [batch * seq, config.dim], { requiresGrad: learns });
  const one = { ...config, layers: 1 };
  const own = inLayer(llamaTensorShapes(one), 0);
  const adapter = inLayer(lora ? loraTensorShapes(one, lora) : new Map(), 0);
  const shapes = new Map([...own, ...adapter]);
  const tensors = new Map(
    [...shapes].map(([name, shape]) => {
      const requiresGrad = adapter.has(name) ? learns && gradients !== 'full' : gradients === 'full';
      return [name, graphInput(g, name, floatType, shape, { requiresGrad })] as const;
    }),
  );
  const scale = lora ? graphInput(g, 'lora_scale', floatType, []) : undefined;
  const y = llamaLayer(g, x, '', {
    ...{ config, batch, seq },
    perExample: gradients === 'loraPerExample',
    segments: packed
      ? segmentsOf(g, graphInput(g, 'segments', 'i64', [batch, seq]), floatType, { batch, seq })
      : undefined,
    weight: (name) => tensors.get(name),
    loraPair: (name) => {
      const a = tensors.get(`${name}.lora_A.weight`);
      const b = tensors.get(`${name}.lora_B.weight`);
      return a && b && scale ? { a, b, scale } : undefined;
    },
  });
  return { x, y, shapes, weights: [...tensors.values()] };
}

/** The weights of one layer by their names without its prefix. */
export function inLayer<T>(weights: ReadonlyMap<string, T>, layer: number): ReadonlyMap<string, T> {
  const prefix = `model.layers.${layer}.`;
  return new Map(
    [...weights]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}

/** Name of the output layer's weight. */
function headWeight(config: LlamaConfig): string {
  return config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight';
}

/**
 * Any number of rows: `x` [rows, dim], `labels`, `weights` [rows] -> `loss` [], `nll` [rows] and, unless gradients are
 * none, `dx`; with `full` gradients of `model.norm.weight` and of the head too.
 */
export function buildHeadLoss({ config, gradients, floatType = 'f32' }: LayerGraphOptions): LayerGraph {
  const g = createGraph('llama_head');
  const learns = gradients !== 'none';
  const x = graphInput(g, layerTensors.x, floatType, ['rows', config.dim], { requiresGrad: learns });
  const labels = graphInput(g, 'labels', 'i64', ['rows']);
  const tokenWeights = graphInput(g, 'weights', floatType, ['rows']);
  const shapes = new Map<string, readonly number[]>([
    ['model.norm.weight', [config.dim]],
    [headWeight(config), [config.vocab, config.dim]],
  ]);
  const [norm, head] = [...shapes].map(
    ([name, shape]): Tensor => graphInput(g, name, floatType, shape, { requiresGrad: gradients === 'full' }),
  );
  const { loss, nll } = headLoss(g, rmsNorm(g, x, norm, config.rmsEps), head, labels, tokenWeights);
  graphOutput(g, 'loss', loss);
  graphOutput(g, 'nll', nll);
  const trained = [norm, head].filter((tensor) => tensor.requiresGrad);
  if (learns) {
    const [dx, ...rest] = grad(g, loss, [x, ...trained]);
    graphOutput(g, layerTensors.dx, dx);
    rest.forEach((gradient, index) => {
      graphOutput(g, gradientName(trained[index].name), gradient);
    });
  }
  return { onnx: buildOnnx(g), shapes, trained: trained.map(({ name }) => name) };
}
