// A base model's weights with an adapter added in. Used by answer-pass.ts. Knows numbers by name: no files, no graph.
import { projections } from '../model/llama-weights.ts';
import { mergedWeight } from '../model/merge-lora.ts';
import type { NamedTensor, TensorMap } from '../model/safetensors.ts';

/**
 * W + scale · B A for every weight that has a pair; all other tensors (A and B among them) as they are.
 * @param weights base weights, and A and B under their names in the training graph
 * @param scale alpha / rank, times the part of the adapter's strength that is wanted
 */
export function mergedWeights(weights: TensorMap, scale: number): TensorMap {
  return new Map([...weights].map(([name, tensor]) => [name, mergedTensor(weights, name, tensor, scale)]));
}

function mergedTensor(weights: TensorMap, name: string, tensor: NamedTensor, scale: number): NamedTensor {
  const layer = /^(.+)\.weight$/.exec(name)?.[1];
  const isProjection = projections.some((projection) => layer?.endsWith(`.${projection}`));
  const a = isProjection ? weights.get(`${layer}.lora_A.weight`) : undefined;
  const b = isProjection ? weights.get(`${layer}.lora_B.weight`) : undefined;
  if (a === undefined || b === undefined || scale === 0) return tensor;
  const pair = { a: a.data, b: b.data, rank: a.shape[0], scale };
  return { ...tensor, data: Float32Array.from(mergedWeight(tensor.data, pair)) };
}
