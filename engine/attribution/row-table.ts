// Rows of int8 in two files of a folder, written and read by rows and by columns: what feature-rows.ts is, for rows that do
// not fit memory. Used by row-storage.ts. It knows numbers and places; no hashes, no model.
//
//   features.bin   int8 [count, width]     scales.bin   float32 [count, blocks]        as a store has them, little-endian
//
// A block of columns is read and written in as many pieces of 8 kB as there are rows, so a disk that must move a head for each
// is too slow; a solid state disk, or memory for the system's page cache, is not. Invariant: what was written is read back to the bit; rows and columns that were not are zeros.
import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { columnBlock, type RowsElsewhere } from './column-blocks.ts';
import { bytesOf } from './content-hash.ts';
import { blockSize, emptyRows, type FeatureRows, quantiseRow } from './feature-rows.ts';
import { readAt } from './scan/row-files.ts';

export interface RowTable extends RowsElsewhere {
  /** Rounds `vector` [width] and puts it into its row. */
  set(index: number, vector: Float32Array): void;
  /** Values [column, column + part.width) of rows [first, first + part.count). */
  write(part: FeatureRows, first: number, column: number): void;
  /** What columns() returns is good until the next call. */
  columns(column: number): FeatureRows;
  close(): void;
}

/** @param folder is made where it is missing; the files must not be there yet */
export function createRowTable(folder: string, count: number, width: number): RowTable {
  mkdirSync(folder, { recursive: true });
  const blocks = Math.ceil(width / blockSize);
  const features = openSync(join(folder, 'features.bin'), 'wx+');
  const scales = openSync(join(folder, 'scales.bin'), 'wx+');
  ftruncateSync(features, count * width);
  ftruncateSync(scales, 4 * count * blocks);
  /** Of rows [first, first + part.count), each part where it lies in the files. */
  const eachRow = (part: FeatureRows, first: number, column: number, move: typeof readAt): void => {
    const [values, partScales] = [bytesOf(part.values), bytesOf(part.scales)];
    const scaleBytes = 4 * part.blocks;
    for (let row = 0; row < part.count; row++) {
      const at = first + row;
      move(features, values.subarray(row * part.width, (row + 1) * part.width), at * width + column);
      move(
        scales,
        partScales.subarray(row * scaleBytes, (row + 1) * scaleBytes),
        4 * (at * blocks + column / blockSize),
      );
    }
  };
  let block: FeatureRows | undefined;
  return {
    count,
    width,
    set: (index, vector) => {
      const row = emptyRows(1, width);
      quantiseRow(row, 0, vector);
      eachRow(row, index, 0, writeAt);
    },
    write: (part, first, column) => eachRow(part, first, column, writeAt),
    columns: (column) => {
      const length = Math.min(columnBlock, width - column);
      if (block?.width !== length) block = emptyRows(count, length);
      eachRow(block, 0, column, readAt);
      return block;
    },
    close: () => {
      closeSync(features);
      closeSync(scales);
    },
  };
}

export function writeAt(file: number, source: Uint8Array, position: number): void {
  for (let at = 0; at < source.length; ) at += writeSync(file, source, at, source.length - at, position + at);
}
