// LoRA dropout as a column mask of A: within one run of the graph an input feature is either seen by a pair or not, and
// what is left is scaled by 1 / (1 - p), so the expected A is A itself. Used by lora-learner.ts. The mask is put into A
// before the run and taken out after, therefore every kind of graph has it without knowing. It differs from PEFT's
// dropout, which draws for each token apart: all rows of one run share a mask, each pair and each run has its own.
// Invariant: the mask follows from (seed, step, run, name) alone, so a resumed run draws the same ones.
import type { TensorMap } from '../model/safetensors.ts';
import { seededRandom } from './training-random.ts';

/** Which run of which update: the same key gives the same mask. */
export interface DropoutKey {
  readonly seed: number;
  readonly step: number;
  readonly run: number;
}

/** One factor for each column of every A: 0 or 1 / (1 - p). */
export function dropoutMasks(
  weights: TensorMap,
  probability: number,
  { seed, step, run }: DropoutKey,
): ReadonlyMap<string, Float32Array> {
  const masks = new Map<string, Float32Array>();
  const keep = 1 / (1 - probability);
  let pair = 0;
  for (const [name, { shape }] of weights) {
    if (!name.endsWith('lora_A.weight')) continue;
    const random = seededRandom(seed, 5, step, run, pair++);
    masks.set(
      name,
      Float32Array.from({ length: shape[1] }, () => (random() < probability ? 0 : keep)),
    );
  }
  return masks;
}

/** Runs with masked A. The gradient of A gets the mask too, which is the chain rule of A * mask; A is as before after. */
export async function withDropout<T extends { readonly gradients: ReadonlyMap<string, Float32Array> }>(
  weights: TensorMap,
  masks: ReadonlyMap<string, Float32Array>,
  run: () => Promise<T>,
): Promise<T> {
  const saved = new Map<Float32Array, Float32Array>();
  for (const [name, mask] of masks) {
    const data = weights.get(name)?.data;
    if (data === undefined) throw new Error(`bug: dropout mask of ${name}, which is not trained`);
    saved.set(data, data.slice());
    multiplyColumns(data, mask);
  }
  try {
    const result = await run();
    for (const [name, mask] of masks) {
      const gradient = result.gradients.get(name);
      if (gradient) multiplyColumns(gradient, mask);
    }
    return result;
  } finally {
    for (const [data, before] of saved) data.set(before);
  }
}

function multiplyColumns(matrix: Float32Array, mask: Float32Array): void {
  for (let i = 0; i < matrix.length; i++) matrix[i] *= mask[i % mask.length];
}
