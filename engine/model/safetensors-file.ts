// Safetensors files read tensor by tensor: one file, or the shards of a folder. Used by llama-weights. Knows no model.
// Invariants: headers are checked when a file is opened; at no time is more than one tensor (and a small buffer) in
// memory on behalf of a file, so that a model can be quantised while it is read; 16-bit floats are widened exactly.

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import { float32FromBfloat16, float32FromHalf } from './half-float.ts';
import { isRecord, readJsonFile } from './json-file.ts';
import {
  bytesPerElement,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  safetensorsDataStart,
  safetensorsMalformed,
} from './safetensors-header.ts';

export interface SafetensorsFile {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** The values of one tensor, row-major. Asking for one that is not in `entries` is a bug. @throws EngineError */
  readonly read: (name: string) => Float32Array;
  /** Nothing can be read afterwards. */
  readonly close: () => void;
}

/** Elements widened at a time: large enough for the disk, small enough to stay in the processor's cache. */
const sliceElements = 1 << 18;

/** @throws EngineError `file_unreadable` | `safetensors_malformed` | `safetensors_dtype_unsupported` */
export function openSafetensors(path: string): SafetensorsFile {
  const file = guarded(path, () => openSync(path, 'r'));
  try {
    const fileBytes = guarded(path, () => fstatSync(file).size);
    const prefix = new Uint8Array(Math.min(8, fileBytes));
    readFully(file, prefix, 0, path);
    const head = new Uint8Array(safetensorsDataStart(prefix, fileBytes, path));
    readFully(file, head, 0, path);
    const entries = parseSafetensorsHeader(head, fileBytes, path);
    return {
      entries,
      read: (name) => {
        const entry = entries.get(name);
        if (entry === undefined) throw new Error(`bug: ${path} has no tensor ${name}`);
        return readTensor(file, entry, path);
      },
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/**
 * The weights of a model folder: `<stem>.safetensors`, or the shards named by `<stem>.safetensors.index.json`.
 * @throws EngineError as {@link openSafetensors}; `weights_missing` when neither exists, or a shard lacks a tensor the
 * index promises
 */
export function openSafetensorsFolder(folder: string, stem = 'model'): SafetensorsFile {
  const single = join(folder, `${stem}.safetensors`);
  if (existsSync(single)) return openSafetensors(single);
  const indexPath = `${single}.index.json`;
  if (!existsSync(indexPath))
    throw weightsMissing(`no ${stem}.safetensors and no ${stem}.safetensors.index.json in ${folder}`);
  const index = readJsonFile(indexPath);
  const weightMap = isRecord(index) ? index.weight_map : undefined;
  if (!isRecord(weightMap)) throw safetensorsMalformed(indexPath, 'no weight_map');

  const shards: SafetensorsFile[] = [];
  const close = (): void => {
    for (const shard of shards) shard.close();
  };
  try {
    const entries = new Map<string, SafetensorsEntry>();
    const home = new Map<string, SafetensorsFile>();
    for (const shardName of new Set(Object.values(weightMap))) {
      // A shard name is a plain file name: an index must not lead out of its folder.
      if (typeof shardName !== 'string' || /[\\/]/.test(shardName))
        throw safetensorsMalformed(indexPath, `shard name ${String(shardName)}`);
      const shard = openSafetensors(join(folder, shardName));
      shards.push(shard);
      for (const [name, entry] of shard.entries) {
        entries.set(name, entry);
        home.set(name, shard);
      }
    }
    for (const name of Object.keys(weightMap))
      if (!entries.has(name)) throw weightsMissing(`${indexPath} promises ${name}, no shard holds it`);
    return {
      entries,
      read: (name) => {
        const shard = home.get(name);
        if (shard === undefined) throw new Error(`bug: ${folder} has no tensor ${name}`);
        return shard.read(name);
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function readTensor(file: number, { dtype, start, end }: SafetensorsEntry, path: string): Float32Array {
  const values = new Float32Array((end - start) / bytesPerElement[dtype]);
  if (dtype === 'F32') {
    readFully(file, new Uint8Array(values.buffer), start, path);
    return values;
  }
  const widen = dtype === 'F16' ? float32FromHalf : float32FromBfloat16;
  const stored = new Uint16Array(Math.min(sliceElements, values.length));
  for (let at = 0; at < values.length; at += sliceElements) {
    const slice = stored.subarray(0, Math.min(sliceElements, values.length - at));
    readFully(file, new Uint8Array(slice.buffer, 0, slice.byteLength), start + 2 * at, path);
    widen(slice, values.subarray(at, at + slice.length));
  }
  return values;
}

function readFully(file: number, into: Uint8Array, position: number, path: string): void {
  for (let done = 0; done < into.byteLength; ) {
    const read = guarded(path, () => readSync(file, into, done, into.byteLength - done, position + done));
    if (read === 0)
      throw safetensorsMalformed(path, `ends at byte ${position + done} while it is being read`);
    done += read;
  }
}

function guarded<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new EngineError(`cannot read ${path}`, { code: 'file_unreadable', retry: 'never', cause });
  }
}

function weightsMissing(what: string): EngineError {
  return new EngineError(what, { code: 'weights_missing', retry: 'never' });
}
