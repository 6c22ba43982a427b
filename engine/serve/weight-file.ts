// The weights of one session in a temporary file while onnxruntime loads them: it maps the file instead of copying what
// it is given, so that loading takes half the memory, and a part that is read in place (the embedding table) never has a
// copy at all. Used by load-graph.ts. It knows no model.
// Invariants: the file is private to this process and is gone once `remove` was called (the mapping outlives it); a disk
// that is full or not writable is told as `weight_file_unwritable`, so that the caller can go through memory instead.
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import type { WeightPlace } from '../graph/serve-weights.ts';

export interface WeightFile {
  /** Appends the bytes of one weight. @throws EngineError `weight_file_unwritable` */
  readonly put: (data: Uint8Array) => WeightPlace;
  /** Puts the graph beside its weights. @returns the path to load @throws EngineError `weight_file_unwritable` */
  readonly finish: (onnx: Uint8Array) => string;
  readonly bytes: () => number;
  readonly remove: () => void;
}

/** Parts begin on pages, as mapping asks. */
const pageBytes = 4096;
const location = 'weights.bin';

/** @throws EngineError `weight_file_unwritable` */
export function createWeightFile(parent = tmpdir()): WeightFile {
  const { folder, file } = writing(parent, () => {
    const made = mkdtempSync(join(parent, 'engine-weights-'));
    return { folder: made, file: openSync(join(made, location), 'wx', 0o600) };
  });
  let end = 0;
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(file);
    isOpen = false;
  };
  return {
    put: (data) => {
      const offset = Math.ceil(end / pageBytes) * pageBytes;
      writing(folder, () => {
        for (let done = 0; done < data.byteLength; )
          done += writeSync(file, data, done, data.byteLength - done, offset + done);
      });
      end = offset + data.byteLength;
      return { location, offset, length: data.byteLength };
    },
    finish: (onnx) => {
      close();
      const path = join(folder, 'model.onnx');
      writing(folder, () => writeFileSync(path, onnx));
      return path;
    },
    bytes: () => end,
    remove: () => {
      close();
      try {
        rmSync(folder, { recursive: true, force: true });
      } catch {
        // A system that does not let go of mapped files keeps it until its temporary folder is tidied.
      }
    },
  };
}

function writing<T>(where: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new EngineError(`cannot write weights to ${where}`, {
      code: 'weight_file_unwritable',
      retry: 'never',
      cause,
    });
  }
}
