// Reads and writes .safetensors files (https://github.com/huggingface/safetensors#format), one file or a sharded index.
// Used by: llama-weights, lora-adapter and the trainer's checkpoints. Knows nothing of any model.
// Invariants: every tensor comes out as Float32Array (F16 and BF16 are widened exactly); a file whose header does not
// describe its bytes exactly (holes, overlaps, wrong sizes, trailing bytes) is refused, never partly read.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../errors.ts';
import { float32FromBfloat16, float32FromHalf, halfFromFloat32 } from './half-float.ts';
import { isRecord, readJsonFile } from './json-file.ts';

/** A dense row-major tensor. `data.length` is the product of `shape`. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type TensorMap = ReadonlyMap<string, NamedTensor>;

type Dtype = 'F32' | 'F16' | 'BF16';
const bytesPerElement: Readonly<Record<Dtype, number>> = { F32: 4, F16: 2, BF16: 2 };

/** The reference implementation's own limit. */
const headerBytesMax = 100_000_000;

interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/**
 * Decodes the bytes of one safetensors file.
 * @param where named in errors, usually the path
 * @throws EngineError `safetensors_malformed` | `safetensors_dtype_unsupported`
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): TensorMap {
  const fail = (what: string, cause?: unknown): never => {
    throw malformed(where, what, cause);
  };
  if (bytes.byteLength < 8) fail(`only ${bytes.byteLength} bytes, the header length alone takes 8`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getBigUint64(0, true);
  if (headerBytes > BigInt(headerBytesMax))
    fail(`header of ${headerBytes} bytes, at most ${headerBytesMax} allowed`);
  const dataStart = 8 + Number(headerBytes);
  if (dataStart > bytes.byteLength) fail(`header of ${headerBytes} bytes in a file of ${bytes.byteLength}`);

  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch (cause) {
    throw malformed(where, 'header is not JSON', cause);
  }
  if (!isRecord(header)) throw malformed(where, 'header is not a JSON object');

  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(name, value, where))
    .sort((a, b) => a.start - b.start || a.end - b.end);

  let expectedStart = 0;
  for (const entry of entries) {
    if (entry.start !== expectedStart)
      fail(`tensor ${entry.name} starts at ${entry.start}, expected ${expectedStart} (hole or overlap)`);
    expectedStart = entry.end;
  }
  if (dataStart + expectedStart !== bytes.byteLength)
    fail(`tensors end at byte ${dataStart + expectedStart}, the file at ${bytes.byteLength}`);

  const tensors = new Map<string, NamedTensor>();
  for (const entry of entries)
    tensors.set(entry.name, {
      shape: entry.shape,
      data: widen(bytes, dataStart + entry.start, dataStart + entry.end, entry.dtype),
    });
  return tensors;
}

/** Reads one safetensors file. @throws EngineError as {@link decodeSafetensors}, or `file_unreadable` */
export function readSafetensors(path: string): TensorMap {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new EngineError(`cannot read ${path}`, { code: 'file_unreadable', retry: 'never', cause });
  }
  return decodeSafetensors(bytes, path);
}

/**
 * Reads the weights of a model folder: `<stem>.safetensors`, or the shards named by `<stem>.safetensors.index.json`.
 * @throws EngineError `weights_missing` when neither exists, or a shard lacks a tensor the index promises
 */
export function readSafetensorsFolder(folder: string, stem = 'model'): TensorMap {
  const single = join(folder, `${stem}.safetensors`);
  if (existsSync(single)) return readSafetensors(single);
  const indexPath = `${single}.index.json`;
  if (!existsSync(indexPath))
    throw new EngineError(`no ${stem}.safetensors and no ${stem}.safetensors.index.json in ${folder}`, {
      code: 'weights_missing',
      retry: 'never',
    });
  const index = readJsonFile(indexPath);
  const weightMap = isRecord(index) ? index.weight_map : undefined;
  if (!isRecord(weightMap)) throw malformed(indexPath, 'no weight_map');

  const tensors = new Map<string, NamedTensor>();
  for (const shard of new Set(Object.values(weightMap))) {
    // A shard name is a plain file name: an index must not lead out of its folder.
    if (typeof shard !== 'string' || /[\\/]/.test(shard))
      throw malformed(indexPath, `shard name ${String(shard)}`);
    for (const [name, tensor] of readSafetensors(join(folder, shard))) tensors.set(name, tensor);
  }
  for (const name of Object.keys(weightMap))
    if (!tensors.has(name))
      throw new EngineError(`${indexPath} promises ${name}, no shard holds it`, {
        code: 'weights_missing',
        retry: 'never',
      });
  return tensors;
}

interface SafetensorsOptions {
  /** F32 keeps every bit; F16 rounds to nearest even. Default F32. */
  readonly dtype?: 'F32' | 'F16';
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Encodes tensors in map order; the header is padded with spaces so that the data starts on an 8-byte boundary. */
export function encodeSafetensors(tensors: TensorMap, options: SafetensorsOptions = {}): Uint8Array {
  const dtype = options.dtype ?? 'F32';
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...options.metadata } };
  let dataBytes = 0;
  for (const [name, tensor] of tensors) {
    const elements = tensor.shape.reduce((product, size) => product * size, 1);
    if (elements !== tensor.data.length)
      throw new RangeError(
        `${name}: shape [${tensor.shape}] has ${elements} elements, data has ${tensor.data.length}`,
      );
    const end = dataBytes + elements * bytesPerElement[dtype];
    header[name] = { dtype, shape: tensor.shape, data_offsets: [dataBytes, end] };
    dataBytes = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, 8, 8 + headerBytes);
  bytes.set(json, 8);
  let at = 8 + headerBytes;
  for (const tensor of tensors.values()) {
    const stored = dtype === 'F32' ? tensor.data : halfFromFloat32(tensor.data);
    bytes.set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), at);
    at += stored.byteLength;
  }
  return bytes;
}

/** Writes a safetensors file under a temporary name and renames it: a reader sees the old file or the new one, whole. */
export function writeSafetensors(path: string, tensors: TensorMap, options: SafetensorsOptions = {}): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, encodeSafetensors(tensors, options));
  renameSync(temporary, path);
}

function parseEntry(name: string, value: unknown, where: string): TensorEntry {
  if (!isRecord(value)) throw malformed(where, `tensor ${name} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
    throw new EngineError(
      `${where}: tensor ${name} has dtype ${String(dtype)}; F32, F16 and BF16 are supported`,
      {
        code: 'safetensors_dtype_unsupported',
        retry: 'never',
      },
    );
  if (!isSizeList(shape)) throw malformed(where, `tensor ${name} has shape ${JSON.stringify(shape)}`);
  const [start, end] = isSizeList(offsets) && offsets.length === 2 ? offsets : [];
  if (start === undefined || end === undefined)
    throw malformed(where, `tensor ${name} has offsets ${JSON.stringify(offsets)}`);
  const expectedBytes = shape.reduce((product, size) => product * size, 1) * bytesPerElement[dtype];
  if (end - start !== expectedBytes)
    throw malformed(
      where,
      `tensor ${name} ${dtype} [${shape}] needs ${expectedBytes} bytes, offsets give ${end - start}`,
    );
  return { name, dtype, shape, start, end };
}

function isSizeList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function widen(bytes: Uint8Array, start: number, end: number, dtype: Dtype): Float32Array {
  // A copy, always: it aligns the data, and lets the file's buffer be freed once all tensors are out.
  const own = bytes.slice(start, end);
  if (dtype === 'F32') return new Float32Array(own.buffer, own.byteOffset, own.byteLength / 4);
  const stored = new Uint16Array(own.buffer, own.byteOffset, own.byteLength / 2);
  return dtype === 'F16' ? float32FromHalf(stored) : float32FromBfloat16(stored);
}

function malformed(where: string, what: string, cause?: unknown): EngineError {
  return new EngineError(`${where}: malformed safetensors: ${what}`, {
    code: 'safetensors_malformed',
    retry: 'never',
    cause,
  });
}
