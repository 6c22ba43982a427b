// Seeded randomness of training: order of data and first weights. Used by the batching and by the makers of
// weights. Same seed, same numbers, on every machine; not for anything secret.

/** Uniform in [0, 1), mulberry32. */
type RandomSource = () => number;

/** @param seed any integers; each combination gives its own stream (seed, epoch). */
export function seededRandom(...seed: readonly number[]): RandomSource {
  let state = 0x9e3779b9;
  const mix = (value: number): void => {
    state = Math.imul(state ^ (value | 0), 0x85ebca6b);
    state ^= state >>> 13;
  };
  for (const part of seed) mix(part + 1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** 0..count-1 in random order (Fisher-Yates). */
export function shuffledIndices(count: number, random: RandomSource): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Order of examples in an epoch: indices, the same for the same seed. */
export function epochOrder(count: number, seed: number, epoch: number): Uint32Array {
  return shuffledIndices(count, seededRandom(seed, 4, epoch));
}

/** Normal deviates of the given standard deviation (Box-Muller). */
export function gaussianArray(size: number, deviation: number, random: RandomSource): Float32Array {
  return Float32Array.from({ length: size }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return deviation * radius * Math.cos(2 * Math.PI * random());
  });
}
