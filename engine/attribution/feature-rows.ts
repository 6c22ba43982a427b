// Gradient features as rows of int8 with one float scale for each block of 256 values.
// Used by the gradient store and everything that multiplies its rows. Knows no model: a row is a vector of numbers.
// A block and not a row shares a scale, because the gradients of A and B of different layers differ by orders of
// magnitude: one scale for the whole row would round the small ones to zero.
// Invariant: |dequantised - original| <= scale / 2 of its block, and scale = (largest |value| of the block) / 127.

/** Below this a block counts as zero: its scale would fall among the denormal floats, which are too coarse. */
const vanishing = 1e-35;

/** Values that share one scale. */
export const blockSize = 256;

/** `count` rows of `width` values; `scales` holds `blocks = ceil(width / 256)` numbers a row. */
export interface FeatureRows {
  readonly count: number;
  readonly width: number;
  readonly blocks: number;
  /** [count, width] */
  readonly values: Int8Array;
  /** [count, blocks] */
  readonly scales: Float32Array;
}

export function emptyRows(count: number, width: number): FeatureRows {
  const blocks = Math.ceil(width / blockSize);
  return {
    count,
    width,
    blocks,
    values: new Int8Array(count * width),
    scales: new Float32Array(count * blocks),
  };
}

/** Rounds `vector` [width] to the nearest representable row and stores it as row `index`. */
export function quantiseRow(rows: FeatureRows, index: number, vector: Float32Array): void {
  if (vector.length !== rows.width)
    throw new RangeError(`a row of ${vector.length} values where rows have ${rows.width}`);
  quantiseBlocks(rows, index, vector, 0);
}

/**
 * The same for a part of a row that has not been written before: values [start, start + vector.length), as far as the
 * row goes.
 * @param start a multiple of 256
 */
export function quantiseBlocks(rows: FeatureRows, index: number, vector: Float32Array, start: number): void {
  const { width, blocks, values, scales } = rows;
  const stop = Math.min(width, start + vector.length);
  for (let block = start / blockSize; block * blockSize < stop; block++) {
    const from = block * blockSize;
    const end = Math.min(from + blockSize, stop);
    let largest = 0;
    for (let i = from; i < end; i++) {
      const size = Math.abs(vector[i - start]);
      if (size > largest) largest = size;
    }
    const scale = largest < vanishing ? 0 : Math.fround(largest / 127);
    scales[index * blocks + block] = scale;
    if (scale === 0) continue; // the row was allocated as zeros
    // rounded by hand: Math.round and two bounds took most of a store's building; no value exceeds 127.5 scales
    const perScale = 1 / scale;
    for (let i = from, at = index * width + from; i < end; i++, at++) {
      const value = vector[i - start] * perScale;
      values[at] = (value < 0 ? value - 0.5 : value + 0.5) | 0;
    }
  }
}

/**
 * Values [start, start + out.length) of row `index` as floats; beyond the row's end `out` stays as it is.
 * @param start a multiple of 256
 */
export function dequantiseRow(rows: FeatureRows, index: number, out: Float32Array, start = 0): void {
  const { width, blocks, values, scales } = rows;
  const end = Math.min(width, start + out.length);
  for (let block = start / blockSize; block * blockSize < end; block++) {
    const scale = scales[index * blocks + block];
    const blockEnd = Math.min((block + 1) * blockSize, end);
    for (let i = block * blockSize; i < blockEnd; i++) out[i - start] = values[index * width + i] * scale;
  }
}

/** Inner products of every row with `query` [width]. Block sums are taken in integers times floats, then in double. */
export function rowsTimes(rows: FeatureRows, query: Float32Array): Float64Array {
  if (query.length !== rows.width)
    throw new RangeError(`a query of ${query.length} values where rows have ${rows.width}`);
  const { count, width, blocks, values, scales } = rows;
  const products = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    let sum = 0;
    for (let block = 0; block < blocks; block++) {
      const scale = scales[row * blocks + block];
      if (scale === 0) continue;
      const end = Math.min((block + 1) * blockSize, width);
      let part = 0;
      for (let i = block * blockSize, at = row * width + i; i < end; i++, at++) part += values[at] * query[i];
      sum += part * scale;
    }
    products[row] = sum;
  }
  return products;
}
