// Feature rows read by blocks of columns, wherever they lie, and such a block as floats ready for matrix products. Used by
// gram-matrix.ts and influence-rows.ts. It knows rows of numbers; row-table.ts has those that lie on disk.
// Memory: 32 kB a row for a block of floats, a third of a gigabyte at ten thousand rows; 8 kB more where rows lie on disk.
import { Tensor } from 'onnxruntime-node';
import { blockSize, dequantiseRow, emptyRows, type FeatureRows } from './feature-rows.ts';

/** Rows and columns that are multiplied at once: products in single precision depend on the second, so it stays as it is. */
export const rowBlock = 128;
export const columnBlock = 8192; // a multiple of the 256 values that share a scale

/** Rows that are too many to lie in memory. */
export interface RowsElsewhere {
  readonly count: number;
  readonly width: number;
  /** Values [column, column + columnBlock) of all rows, as far as rows go. @param column a multiple of `columnBlock` */
  columns(column: number): FeatureRows;
}

export type ReadableRows = FeatureRows | RowsElsewhere;

export interface ColumnBlocks {
  /** [rows, columnBlock]; zeros beyond the rows' ends. */
  readonly floats: Float32Array;
  /** The same by `rowBlock` rows, [rowBlock, columnBlock] each; zeros behind the last row. */
  readonly tensors: readonly Tensor[];
  /** Replaces them by columns [column, + columnBlock) of rows, each multiplied with `scale` [width]. */
  load(rows: ReadableRows, column: number, scale?: Float32Array): void;
}

/** @param count of rows */
export function createColumnBlocks(count: number): ColumnBlocks {
  const blocks = Math.ceil(count / rowBlock);
  const blockFloats = rowBlock * columnBlock;
  const floats = new Float32Array(blocks * blockFloats);
  const tensors = Array.from({ length: blocks }, (_, block) => {
    const part = floats.subarray(block * blockFloats, (block + 1) * blockFloats);
    return new Tensor('float32', part, [rowBlock, columnBlock]);
  });
  return {
    floats,
    tensors,
    load: (rows, column, scale) => {
      const { part, start } = partOf(rows, column);
      const width = Math.min(columnBlock, rows.width - column);
      if (width < columnBlock) floats.fill(0);
      for (let row = 0; row < count; row++) {
        const from = row * columnBlock;
        dequantiseRow(part, row, floats.subarray(from, from + width), start);
        if (scale) for (let k = 0; k < width; k++) floats[from + k] *= scale[column + k];
      }
    },
  };
}

/** Some of the rows, in the order of `places`. */
export function pickRows(rows: ReadableRows, places: readonly number[]): RowsElsewhere {
  return {
    count: places.length,
    width: rows.width,
    columns: (column) => {
      const { part, start } = partOf(rows, column);
      const width = Math.min(columnBlock, rows.width - column);
      const picked = emptyRows(places.length, width);
      for (const [row, place] of places.entries()) {
        const from = place * part.width + start;
        picked.values.set(part.values.subarray(from, from + width), row * width);
        const scale = place * part.blocks + start / blockSize;
        picked.scales.set(part.scales.subarray(scale, scale + picked.blocks), row * picked.blocks);
      }
      return picked;
    },
  };
}

/** Rows that hold the columns from `column` on, and where in them these are. */
function partOf(rows: ReadableRows, column: number): { readonly part: FeatureRows; readonly start: number } {
  return 'columns' in rows ? { part: rows.columns(column), start: 0 } : { part: rows, start: column };
}
