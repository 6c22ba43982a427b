// A LoRA pair put into the weight it adapts: W + s B A (arxiv.org/abs/2106.09685), exact but for one rounding at the end.
// Used by export-model. Knows no files.
import { type Projection, projections } from './llama-weights.ts';
import { type LoraAdapter, type LoraMatrices, loraPair } from './lora-adapter.ts';

/** W + s B A in float64, to be rounded once by whoever stores it. @param base [out, in] */
export function mergedWeight(base: Float32Array, { a, b, rank, scale }: LoraMatrices): Float64Array {
  const into = a.length / rank;
  const merged = Float64Array.from(base);
  for (let row = 0, start = 0; start < merged.length; row++, start += into) {
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[row * rank + r];
      if (factor === 0) continue;
      for (let i = 0, from = r * into; i < into; i++) merged[start + i] += factor * a[from + i];
    }
  }
  return merged;
}

/** The adapter's pair for a weight by its Hugging Face name; undefined where it leaves that weight alone. */
export function pairOfWeight(adapter: LoraAdapter, name: string): LoraMatrices | undefined {
  const match = /^model\.layers\.(\d+)\.(.+)\.weight$/.exec(name);
  const projection: Projection | undefined = projections.find((candidate) => candidate === match?.[2]);
  return projection && match ? loraPair(adapter, Number(match[1]), projection) : undefined;
}
