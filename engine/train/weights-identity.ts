// A short text that tells one set of weights from another, for checkpoints: a run is only resumed on the model it began
// with. Used by the learners. Not a checksum of every number: some of each tensor tell retrained weights apart.
import { createHash } from 'node:crypto';
import type { NamedTensor, TensorMap } from '../model/safetensors.ts';

const samplesPerTensor = 61;

/** SHA-256 over names, shapes and some numbers of each tensor, as hex. */
export function weightsIdentity(weights: TensorMap): string {
  const hash = createHash('sha256');
  for (const [name, { shape, data }] of weights) {
    hash.update(`${name} ${shape.join()}\n`);
    const stride = Math.max(1, data.length / samplesPerTensor);
    const samples: number[] = [];
    for (let at = 0; at < data.length; at += stride) samples.push(data[Math.floor(at)]);
    hash.update(new Uint8Array(Float32Array.from(samples).buffer));
  }
  return hash.digest('hex');
}

/** The same weights in arrays of their own. */
export function copiedWeights(weights: TensorMap): TensorMap {
  return new Map(
    [...weights].map(([name, { shape, data }]): [string, NamedTensor] => [
      name,
      { shape, data: data.slice() },
    ]),
  );
}

/** Numbers in all tensors. */
export function countNumbers(weights: TensorMap): number {
  return [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
}
