// LoRA weights in the layout that the serving graph takes as inputs: one row of a batch. Used by the adapter pool and
// the serving session. It knows no files. Invariants: the scale is multiplied into B; projections of one group share
// a rank (smaller ones are padded with zeros, which changes nothing); a projection without LoRA is zero.
import { Tensor } from 'onnxruntime-node';
import { type LoraGroup, loraGroups, loraInputA, loraInputB } from '../graph/llama-serve-graph.ts';
import { type Projection, projectionShape } from '../model/llama-weights.ts';
import type { LoraMatrices } from '../model/lora-adapter.ts';
import type { LlamaConfig } from '../model/model-config.ts';

/** Feeds by input name, each with batch size 1. */
export type LoraRows = Readonly<Record<string, Tensor>>;

/** @param pairOf the pair of a projection, undefined where the adapter has none */
export function loraRows(
  config: LlamaConfig,
  pairOf: (layer: number, projection: Projection) => LoraMatrices | undefined,
): LoraRows {
  const feeds: Record<string, Tensor> = {};
  for (let layer = 0; layer < config.layers; layer++) {
    for (const group of loraGroups) Object.assign(feeds, groupRows(config, layer, group, pairOf));
  }
  return feeds;
}

/** The base model: zeros of rank 1. */
export function zeroLoraRows(config: LlamaConfig): LoraRows {
  return loraRows(config, () => undefined);
}

/** Memory of an adapter's rows. */
export function loraRowsBytes(rows: LoraRows): number {
  return Object.values(rows).reduce((sum, tensor) => sum + tensor.size * Float32Array.BYTES_PER_ELEMENT, 0);
}

function groupRows(
  config: LlamaConfig,
  layer: number,
  group: LoraGroup,
  pairOf: (layer: number, projection: Projection) => LoraMatrices | undefined,
): Record<string, Tensor> {
  const pairs = group.projections.map((projection) => pairOf(layer, projection));
  const rank = Math.max(1, ...pairs.map((pair) => pair?.rank ?? 0));
  const into = projectionShape(config, group.projections[0])[1];
  const columns = pairs.length * rank;
  const a = new Float32Array(into * columns); // [in, projections * rank]
  const feeds: Record<string, Tensor> = {};
  group.projections.forEach((projection, index) => {
    const [out] = projectionShape(config, projection);
    const pair = pairs[index];
    const b = new Float32Array(rank * out); // [rank, out]
    for (let r = 0; pair !== undefined && r < pair.rank; r++) {
      for (let i = 0; i < into; i++) a[i * columns + index * rank + r] = pair.a[r * into + i];
      for (let o = 0; o < out; o++) b[r * out + o] = pair.scale * pair.b[o * pair.rank + r];
    }
    feeds[loraInputB(layer, projection)] = new Tensor('float32', b, [1, rank, out]);
  });
  feeds[loraInputA(layer, group)] = new Tensor('float32', a, [1, into, columns]);
  return feeds;
}
