// Short stand-ins for long vectors whose inner products they keep: every coordinate is added, with a random sign, to a
// random place of the sketch (sparse Johnson-Lindenstrauss, one place a coordinate: the count sketch that GraSS uses for
// gradients, arxiv.org/abs/2505.18976). Used by row-scan.ts. It knows numbers only.
// Error of a product, as a standard deviation: |a| |b| / sqrt(width). Invariant: the same width, length and seed give the
// same sketch on every machine; only sketches of one kind compare.
export interface GradientSketch {
  /** Numbers in a sketch. */
  readonly width: number;
  sketch(vector: Float32Array): Float32Array;
}

/** The seed of all sketches: they are part of no secret, and stores compare. */
const seed = 0x5eed5;

/** @param length of the vectors, @param width a power of two, 16 .. 32,768 */
export function gradientSketch(length: number, width: number): GradientSketch {
  const places = sketchPlaces(length, width);
  return {
    width,
    sketch: (vector) => {
      if (vector.length !== length)
        throw new RangeError(`a vector of ${vector.length} values where sketches are of ${length}`);
      const halves = new Float32Array(2 * width); // added, subtracted
      for (let i = 0; i < length; i++) halves[places[i]] += vector[i];
      const sketch = halves.subarray(0, width);
      for (let i = 0; i < width; i++) sketch[i] -= halves[width + i];
      return sketch;
    },
  };
}

/** The place of each coordinate in 2 · width: the second half is subtracted. */
function sketchPlaces(length: number, width: number): Uint16Array {
  const places = new Uint16Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    // mulberry32: public domain, period 2^32
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    places[i] = ((mixed ^ (mixed >>> 14)) >>> 0) & (2 * width - 1);
  }
  return places;
}
