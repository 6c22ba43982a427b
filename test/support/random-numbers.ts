// Fast repeatable random numbers for weights, and their bytes as files keep them. Used by random-model.ts and
// random-adapter.ts. Uniform, not normal: a hundred million of them take half a second.
import { halfFromFloat32 } from '../../engine/model/half-float.ts';

export type StoredDtype = 'f32' | 'f16' | 'bf16';

/** Fills with numbers of a mean and a standard deviation. */
export function fillRandom(values: Float32Array, seed: number, deviation: number, mean: number): void {
  const width = (deviation * Math.sqrt(12)) / 2 ** 32;
  let state = Math.imul(seed + 1, 0x9e3779b9) || 1;
  for (let i = 0; i < values.length; i++) {
    state ^= state << 13; // xorshift32, Marsaglia 2003
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = mean + state * width;
  }
}

/** Half precision rounds to nearest, bfloat16 cuts off. */
export function storedBytes(values: Float32Array, dtype: StoredDtype): Uint8Array {
  if (dtype === 'f32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const stored = dtype === 'f16' ? halfFromFloat32(values) : new Uint16Array(bits.length);
  if (dtype === 'bf16') for (let i = 0; i < bits.length; i++) stored[i] = bits[i] >>> 16;
  return new Uint8Array(stored.buffer);
}
