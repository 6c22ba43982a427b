// Reads and writes whole .safetensors files (https://github.com/huggingface/safetensors#format).
// Used by: llama-weights, lora-adapter and the trainer's checkpoints. Knows nothing of any model. Large files are read
// tensor by tensor in safetensors-file.ts.
// Invariants: every tensor comes out as Float32Array (F16 and BF16 are widened exactly); a file whose header does not
// describe its bytes exactly is refused, never partly read.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { EngineError } from '../errors.ts';
import { float32FromBfloat16, float32FromHalf, halfFromFloat32 } from './half-float.ts';
import { bytesPerElement, parseSafetensorsHeader, type SafetensorsEntry } from './safetensors-header.ts';

/** A dense row-major tensor. `data.length` is the product of `shape`. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type TensorMap = ReadonlyMap<string, NamedTensor>;

/**
 * Decodes the bytes of one safetensors file.
 * @param where named in errors, usually the path
 * @throws EngineError `safetensors_malformed` | `safetensors_dtype_unsupported`
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): TensorMap {
  const tensors = new Map<string, NamedTensor>();
  for (const entry of parseSafetensorsHeader(bytes, bytes.byteLength, where).values())
    tensors.set(entry.name, { shape: entry.shape, data: widen(bytes, entry) });
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

function widen(bytes: Uint8Array, { dtype, start, end }: SafetensorsEntry): Float32Array {
  // A copy, always: it aligns the data, and lets the file's buffer be freed once all tensors are out.
  const own = bytes.slice(start, end);
  if (dtype === 'F32') return new Float32Array(own.buffer, own.byteOffset, own.byteLength / 4);
  const stored = new Uint16Array(own.buffer, own.byteOffset, own.byteLength / 2);
  return dtype === 'F16' ? float32FromHalf(stored) : float32FromBfloat16(stored);
}
