// Float matrices -> the 8- and 4-bit blocks that MatMulNBits multiplies by, and back. Used by the serving graph, by
// tests and by the benchmark's GGUF writer. It knows no files, no graph and no model.
// Layout: rows of blocks along the columns (the input side); one f32 scale a block; value = scale * (code - zero).
//   int8: one code a byte, zero 128, codes 1..255, blocks of 64 (llama.cpp's Q8_0: blocks of 32, code - 128 is stored).
//   int4: two codes a byte, the first in the low nibble, zero 8, codes 0..15, blocks of 32: the numbers of Q4_0 (there
//   the first 16 codes of a block lie in the low nibbles, the other 16 in the high ones).
// Columns that are no multiple of the block are padded with the zero code. GGUF keeps scales in half precision:
// `halfScales` rounds them so here, and the codes are chosen for the rounded scale.
import { float32FromHalf, halfFromFloat32 } from './half-float.ts';
import type { WeightFormat } from './weight-format.ts';

/**
 * Values that share a scale. int8 in blocks of 64 is a seventh faster than in blocks of 32 (fewer scales to read and to
 * multiply by) for a loss that differs in the fourth digit; engine/LOG.md has the figures.
 */
export const quantBlocks = { int8: 64, int4: 32 } as const;

/** A matrix [rows, columns] in blocks of {@link quantBlocks}. */
export interface QuantisedMatrix {
  /** int8 [rows, blocks, 64], int4 [rows, blocks, 16] */
  readonly bytes: Uint8Array;
  readonly scales: Float32Array; // [rows, blocks]
}

interface QuantiseOptions {
  /** Scales that half precision holds exactly, as GGUF stores them. Default false. */
  readonly halfScales?: boolean;
}

type QuantFormat = Exclude<WeightFormat, 'f32'>;

/** Symmetric: scale = largest magnitude of the block / 127, codes rounded to nearest. */
export function quantiseInt8(
  values: Float32Array,
  rows: number,
  columns: number,
  options: QuantiseOptions = {},
): QuantisedMatrix {
  checkSize(values, rows, columns);
  const blockSize = quantBlocks.int8;
  const blocks = Math.ceil(columns / blockSize);
  const bytes = new Uint8Array(rows * blocks * blockSize).fill(128);
  const scales = new Float32Array(rows * blocks);
  for (let row = 0, block = 0; row < rows; row++) {
    const rowEnd = (row + 1) * columns;
    for (let start = row * columns; start < rowEnd; start += blockSize, block++) {
      const end = Math.min(start + blockSize, rowEnd);
      let largest = 0;
      for (let i = start; i < end; i++) {
        const size = Math.abs(values[i]);
        if (size > largest) largest = size;
      }
      scales[block] = largest / 127;
    }
  }
  if (options.halfScales) scales.set(float32FromHalf(halfFromFloat32(scales)));
  for (let row = 0, block = 0; row < rows; row++) {
    const rowEnd = (row + 1) * columns;
    for (let start = row * columns; start < rowEnd; start += blockSize, block++) {
      const end = Math.min(start + blockSize, rowEnd);
      const inverse = scales[block] === 0 ? 0 : 1 / scales[block];
      const at = block * blockSize - start;
      for (let i = start; i < end; i++) {
        const code = (values[i] * inverse + 128.5) | 0; // floor: never negative
        bytes[at + i] = code > 255 ? 255 : code < 1 ? 1 : code; // a scale rounded down may push the largest over
      }
    }
  }
  return { bytes, scales };
}

/**
 * The scale of each block is the best of several: the signed extreme on code 0 (Q4_0's own choice), or a little
 * beyond the range on either side, each refined by least squares; kept is the one with the smallest squared error.
 */
export function quantiseInt4(
  values: Float32Array,
  rows: number,
  columns: number,
  options: QuantiseOptions = {},
): QuantisedMatrix {
  checkSize(values, rows, columns);
  const blockSize = quantBlocks.int4;
  const blocks = Math.ceil(columns / blockSize);
  const bytes = new Uint8Array(rows * blocks * (blockSize / 2)).fill(0x88);
  const scales = new Float32Array(rows * blocks);
  for (let row = 0, block = 0; row < rows; row++) {
    const rowEnd = (row + 1) * columns;
    for (let start = row * columns; start < rowEnd; start += blockSize, block++)
      scales[block] = bestInt4Scale(values, start, Math.min(start + blockSize, rowEnd));
  }
  if (options.halfScales) scales.set(float32FromHalf(halfFromFloat32(scales)));
  for (let row = 0, block = 0; row < rows; row++) {
    const rowEnd = (row + 1) * columns;
    for (let start = row * columns; start < rowEnd; start += blockSize, block++) {
      const end = Math.min(start + blockSize, rowEnd);
      const inverse = scales[block] === 0 ? 0 : 1 / scales[block];
      let at = block * (blockSize / 2);
      for (let i = start; i < end; i += 2) {
        const low = int4Code(values[i] * inverse);
        const high = i + 1 < end ? int4Code(values[i + 1] * inverse) : 8;
        bytes[at++] = low | (high << 4);
      }
    }
  }
  return { bytes, scales };
}

/** What the blocks stand for, [rows, columns]. */
export function dequantise(
  matrix: QuantisedMatrix,
  format: QuantFormat,
  rows: number,
  columns: number,
): Float32Array {
  const { bytes, scales } = matrix;
  const blockSize = quantBlocks[format];
  const blocks = Math.ceil(columns / blockSize);
  const values = new Float32Array(rows * columns);
  for (let row = 0, to = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, to++) {
      const at = row * blocks * blockSize + column;
      const scale = scales[row * blocks + Math.floor(column / blockSize)];
      values[to] =
        scale * (format === 'int8' ? bytes[at] - 128 : ((bytes[at >> 1] >> (4 * (column & 1))) & 15) - 8);
    }
  }
  return values;
}

/** Where the signed extreme of a block is tried: on these codes below zero (8 = the last one there is). */
const extremeCodes = [8, 7.5, 8.5, 7, 9];

function bestInt4Scale(values: Float32Array, start: number, end: number): number {
  let extreme = 0;
  for (let i = start; i < end; i++) if (Math.abs(values[i]) > Math.abs(extreme)) extreme = values[i];
  if (extreme === 0) return 0;
  let best = 0;
  let gainBest = -1;
  for (const code of extremeCodes) {
    const inverse = -code / extreme;
    let cross = 0; // of values and codes
    let squares = 0; // of codes
    for (let i = start; i < end; i++) {
      const q = int4Code(values[i] * inverse) - 8;
      cross += values[i] * q;
      squares += q * q;
    }
    // With the least-squares scale cross / squares the error is (sum of values²) - cross² / squares.
    const gain = (cross * cross) / squares;
    if (gain > gainBest) {
      gainBest = gain;
      best = cross / squares;
    }
  }
  return best;
}

function int4Code(scaled: number): number {
  const code = (scaled + 8.5) | 0; // truncates towards zero: all below 0 ends at 0 too
  return code > 15 ? 15 : code < 0 ? 0 : code;
}

function checkSize(values: Float32Array, rows: number, columns: number): void {
  if (values.length !== rows * columns)
    throw new Error(`bug: ${values.length} values are no matrix of ${rows} by ${columns}`);
}
