// Where the build of an exact store keeps what grows with rows × width or rows²: in memory, or on disk in one temporary
// folder beside the store, which disappears with the build whatever happens. Used by build-store.ts. It knows rows and files;
// no texts, no model, no formula.
// Memory of the form on disk: a block of columns of each point and of the result, 8 kB a row each (85 MB at the exact form's
// end, four points at most). Disk: rows × width bytes for each point and once for the finished rows, and 4 · rows · trained
// for each point's mix; all but the finished rows go before the store is placed.
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { columnBlock, type ReadableRows, rowBlock } from './column-blocks.ts';
import { bytesOf } from './content-hash.ts';
import { emptyRows, type FeatureRows, quantiseBlocks, quantiseRow } from './feature-rows.ts';
import { placeStore, type StoreMeta, storeFault, writeGradientStore } from './gradient-store.ts';
import type { MixTable } from './influence-rows.ts';
import { createRowTable, type RowTable, writeAt } from './row-table.ts';
import { describeRows, readAt } from './scan/row-files.ts';
import { folderBeside } from './whole-folder.ts';

export interface RowStorage {
  /** Room for the gradients of one more point. */
  gradients(): { readonly rows: ReadableRows; readonly set: (index: number, vector: Float32Array) => void };
  /** Room for one more point's mix, [rows, trained]. */
  mixes(rows: number, trained: number): MixTable;
  /** Rounds values [column, column + columnBlock) of all finished rows, [rows, columnBlock], and keeps them. Each block once. */
  put(column: number, values: Float32Array): void;
  /** Puts the store into its place. @returns its hash */
  place(meta: Omit<StoreMeta, 'format' | 'blockSize' | 'files'>): string;
  /** Removes what lies on disk. @returns what to throw */
  abandon(cause: unknown): unknown;
}

/** @param count of rows, of `width` values each */
export function memoryStorage(storeDir: string, count: number, width: number): RowStorage {
  const { finished, ...memory } = rowsInMemory(count, width);
  return {
    ...memory,
    place: (meta) => writeGradientStore(storeDir, meta, finished()),
    abandon: (cause) => cause,
  };
}

type RowsInMemory = Omit<RowStorage, 'place' | 'abandon'> & { readonly finished: () => FeatureRows };

export function rowsInMemory(count: number, width: number): RowsInMemory {
  let finished: FeatureRows | undefined;
  return {
    gradients: () => {
      const rows = emptyRows(count, width);
      return { rows, set: (index, vector) => quantiseRow(rows, index, vector) };
    },
    mixes: (rows, trained) => {
      const all = new Float32Array(rows * trained);
      return {
        write: (first, mix) => all.set(mix, first * trained),
        read: (first, some) => all.subarray(first * trained, (first + some) * trained),
      };
    },
    put: (column, values) => {
      finished ??= emptyRows(count, width);
      quantiseColumns(finished, column, values);
    },
    finished: () => {
      if (finished === undefined) throw new Error('bug: a store without rows');
      return finished;
    },
  };
}

/** The same on disk. */
export function diskStorage(storeDir: string, count: number, width: number): RowStorage {
  const beside = folderBeside(storeDir);
  const work = join(beside, 'work');
  const tables: RowTable[] = [];
  const files: number[] = [];
  let finished: RowTable | undefined;
  const close = (): void => {
    for (const table of tables.splice(0)) table.close();
    for (const file of files.splice(0)) closeSync(file);
  };
  const table = (folder: string): RowTable => {
    const made = createRowTable(folder, count, width);
    tables.push(made);
    return made;
  };
  return {
    gradients: () => {
      const rows = table(join(work, `gradients-${tables.length}`));
      return { rows, set: rows.set };
    },
    mixes: (rows, trained) => {
      const file = openSync(join(work, `mix-${files.length}.bin`), 'wx+');
      files.push(file);
      const part = new Float32Array(Math.min(rows, rowBlock) * trained);
      return {
        write: (first, mix) => writeAt(file, bytesOf(mix), 4 * first * trained),
        read: (first, some) => {
          const wanted = part.subarray(0, some * trained);
          readAt(file, bytesOf(wanted), 4 * first * trained);
          return wanted;
        },
      };
    },
    put: (column, values) => {
      finished ??= table(beside);
      const part = emptyRows(count, Math.min(columnBlock, width - column));
      quantiseColumns(part, 0, values);
      finished.write(part, 0, column);
    },
    place: (meta) => {
      close();
      rmSync(work, { recursive: true, force: true });
      return placeStore(storeDir, beside, meta, describeRows(beside, count, width));
    },
    abandon: (cause) => {
      close();
      rmSync(beside, { recursive: true, force: true });
      return storeFault(storeDir, cause);
    },
  };
}

/** @param values [rows, columnBlock] */
function quantiseColumns(rows: FeatureRows, column: number, values: Float32Array): void {
  for (let row = 0; row < rows.count; row++)
    quantiseBlocks(rows, row, values.subarray(row * columnBlock, (row + 1) * columnBlock), column);
}
