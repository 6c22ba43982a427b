// The gradient of one answer's loss with respect to every LoRA A and B, for a prompt and answer of any length: one graph
// for all lengths, weights inside it and packed once. Used by attribution, which asks it for each paid answer.
// The training graph does the same for fixed shapes and weights that change; this one takes half its time for a short
// answer: W + s B A is merged before, the output layer sees the answer's rows only, the gradient leaves as one vector.
// It knows no files and no scores. Invariant: the vector holds the matrices in the order of loraTensorShapes, flattened.
import { llamaTensorShapes } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { grad } from './autodiff.ts';
import {
  buildOnnx,
  createGraph,
  differentiable,
  type Graph,
  graphInput,
  graphOutput,
  initialiser,
  node,
  scalar,
  type Tensor,
} from './graph-builder.ts';
import { llamaHidden, weightOf } from './llama-blocks.ts';
import { type LoraShape, loraTensorShapes } from './llama-train-graph.ts';
import { headLoss } from './ops-loss.ts';
import { rmsNorm } from './ops-norm.ts';
import { reshape } from './ops-shape.ts';

interface AnswerGradientGraphOptions {
  readonly config: LlamaConfig;
  readonly lora: LoraShape;
  /** A and B, and the base's weights with s B A added to those they belong to. */
  readonly merged: TensorMap;
  /** s of the merged weights: alpha / rank times the strength. */
  readonly scale: number;
}

/** Whether the graph can be built: its rotary kernel needs heads of a multiple of 16. */
export function answerGradientFits({ headDim }: LlamaConfig): boolean {
  return headDim % 16 === 0;
}

/**
 * Inputs: ids i64 [seq]; mask f32 [1, 1, seq, seq], 0 where a token may look and -1e9 elsewhere; positions i64 [1, seq];
 * rows i64 [n], the places whose next token is counted, rising by one; labels i64 [n]; weights f32 [n];
 * pads i64 [4] = [rows before, 0, rows after, 0].
 * Outputs: nll f32 [n] in nats; gradient f32 [width] of Σ weights · nll.
 */
export function buildAnswerGradientGraph(options: AnswerGradientGraphOptions): Uint8Array {
  const { config, lora, merged, scale } = options;
  const g = createGraph('answer_gradient');
  const ids = graphInput(g, 'ids', 'i64', ['seq']);
  const mask = graphInput(g, 'mask', 'f32', [1, 1, 'seq', 'seq']);
  const positions = graphInput(g, 'positions', 'i64', [1, 'seq']);
  const rows = graphInput(g, 'rows', 'i64', ['n']);
  const labels = graphInput(g, 'labels', 'i64', ['n']);
  const tokenWeights = graphInput(g, 'weights', 'f32', ['n']);
  const pads = graphInput(g, 'pads', 'i64', [4]);
  const held = (name: string, shape: readonly number[]): Tensor => {
    const values = merged.get(name);
    if (values === undefined) throw new Error(`bug: no values of ${name}`);
    const { buffer, byteOffset, byteLength } = values.data;
    return initialiser(g, name, 'f32', shape, { bytes: new Uint8Array(buffer, byteOffset, byteLength) });
  };
  const weights = new Map([...llamaTensorShapes(config)].map(([name, shape]) => [name, held(name, shape)]));
  const pairs = new Map(
    [...loraTensorShapes(config, lora)].map(([name, shape]) => [
      name,
      { ...held(name, shape), requiresGrad: true },
    ]),
  );
  const loraScale = scalar(g, 'f32', scale);
  const weight = (name: string): Tensor | undefined => weights.get(name);
  const parts = {
    ...{ config, batch: 1, seq: 'seq', weight, perExample: false, segments: { mask, positions } },
    loraPair: (layerName: string) => {
      const a = pairs.get(`${layerName}.lora_A.weight`);
      const b = pairs.get(`${layerName}.lora_B.weight`);
      return a && b ? { a, b, scale: loraScale, isMerged: true } : undefined;
    },
  };
  const hidden = llamaHidden(g, ids, parts, (all) => pickRows(g, all, rows, pads)); // [n, dim]
  const last = rmsNorm(g, hidden, weightOf({ weight }, 'model.norm.weight'), config.rmsEps);
  const head = weightOf({ weight }, config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight');
  const { loss, nll } = headLoss(g, last, head, labels, tokenWeights);
  graphOutput(g, 'nll', nll);
  const flat = grad(g, loss, [...pairs.values()]).map((gradient) => reshape(g, gradient, [sizeOf(gradient)]));
  const width = flat.reduce((sum, each) => sum + sizeOf(each), 0);
  graphOutput(g, 'gradient', node(g, 'Concat', flat, [{ dtype: 'f32', shape: [width] }], { axis: 0 })[0]);
  return buildOnnx(g);
}

/** x [seq, dim] -> its rows `rows` [n, dim], which lie side by side; the gradient is padded with zero rows. */
function pickRows(g: Graph, x: Tensor, rows: Tensor, pads: Tensor): Tensor {
  const spec = { dtype: x.dtype, shape: ['n', x.shape[1]] };
  return differentiable(
    g,
    [x],
    () => node(g, 'Gather', [x, rows], [spec], { axis: 0 })[0],
    (dy) => [node(g, 'Pad', [dy, pads], [{ dtype: x.dtype, shape: x.shape }])[0]],
  );
}

function sizeOf({ shape }: Tensor): number {
  return shape.reduce((size: number, dim) => size * Number(dim), 1);
}
