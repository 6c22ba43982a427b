// Writes GGUF files (version 3, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), the format of the peer that
// the benchmarks run beside the engine. Used by llama-gguf.ts. It knows no model: metadata and tensors in, a file out.
// Invariants: every tensor starts at a multiple of 32 bytes after the header; one tensor is held encoded at a time, so
// that a model of any size is written in little memory.
import { closeSync, openSync, writeSync } from 'node:fs';
import { halfFromFloat32 } from '../../engine/model/half-float.ts';

export type GgufType = 'F32' | 'F16' | 'Q8_0';

/** Tagged, because GGUF tells u32 from f32 and JavaScript does not. */
export type GgufValue =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly f32s: Float32Array }
  | { readonly i32s: Int32Array };

export interface GgufTensor {
  readonly name: string;
  /** Row-major, outermost first, as everywhere else here; GGUF stores it the other way round. */
  readonly shape: readonly number[];
  readonly type: GgufType;
  /** Asked for once, when the tensor is written. */
  readonly values: () => Float32Array;
}

const alignment = 32;
const blockSize = 32;
const blockBytes = 2 + blockSize; // f16 scale, 32 × int8
const typeIds: Readonly<Record<GgufType, number>> = { F32: 0, F16: 1, Q8_0: 8 };

export function writeGguf(
  path: string,
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): void {
  const header = createByteWriter();
  header.bytes(new TextEncoder().encode('GGUF'));
  header.u32(3);
  header.u64(tensors.length);
  header.u64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) {
    header.text(key);
    writeValue(header, value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    header.text(tensor.name);
    header.u32(tensor.shape.length);
    for (const size of [...tensor.shape].reverse()) header.u64(size);
    header.u32(typeIds[tensor.type]);
    header.u64(offset);
    offset += padded(encodedBytes(tensor));
  }
  const file = openSync(path, 'w');
  try {
    const write = (bytes: Uint8Array): void => {
      for (let at = 0; at < bytes.byteLength; ) at += writeSync(file, bytes, at);
      const gap = padded(bytes.byteLength) - bytes.byteLength;
      if (gap > 0) writeSync(file, new Uint8Array(gap));
    };
    write(header.result());
    for (const tensor of tensors) write(encode(tensor));
  } finally {
    closeSync(file);
  }
}

/** Blocks of 32 as llama.cpp keeps them: f16 scale (largest magnitude / 127), then 32 int8. */
export function encodeQ8(values: Float32Array): Uint8Array {
  const blocks = values.length / blockSize;
  if (!Number.isInteger(blocks))
    throw new RangeError(`${values.length} values are no multiple of ${blockSize}`);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    let largest = 0;
    for (let i = block * blockSize; i < (block + 1) * blockSize; i++)
      largest = Math.max(largest, Math.abs(values[i]));
    scales[block] = largest / 127;
  }
  const halves = halfFromFloat32(scales);
  const bytes = new Uint8Array(blocks * blockBytes);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < blocks; block++) {
    const start = block * blockBytes;
    const inverse = scales[block] === 0 ? 0 : 1 / scales[block];
    view.setUint16(start, halves[block], true);
    for (let i = 0; i < blockSize; i++)
      view.setInt8(start + 2 + i, Math.round(values[block * blockSize + i] * inverse));
  }
  return bytes;
}

function encode({ name, shape, type, values }: GgufTensor): Uint8Array {
  const data = values();
  if (data.length !== product(shape))
    throw new RangeError(`${name}: [${shape}] does not hold ${data.length} values`);
  if (type === 'Q8_0') return encodeQ8(data);
  const stored = type === 'F16' ? halfFromFloat32(data) : data;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

function encodedBytes({ shape, type }: GgufTensor): number {
  const count = product(shape);
  return type === 'Q8_0' ? (count / blockSize) * blockBytes : count * (type === 'F16' ? 2 : 4);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

interface ByteWriter {
  readonly bytes: (bytes: Uint8Array) => void;
  readonly u32: (value: number) => void;
  readonly u64: (value: number) => void;
  readonly f32: (value: number) => void;
  readonly text: (text: string) => void;
  readonly result: () => Uint8Array;
}

function createByteWriter(): ByteWriter {
  const chunks: Uint8Array[] = [];
  const number = (size: number, set: (view: DataView) => void): void => {
    const view = new DataView(new ArrayBuffer(size));
    set(view);
    chunks.push(new Uint8Array(view.buffer));
  };
  const writer: ByteWriter = {
    bytes: (bytes) => void chunks.push(bytes),
    u32: (value) => number(4, (view) => view.setUint32(0, value, true)),
    u64: (value) => number(8, (view) => view.setBigUint64(0, BigInt(value), true)),
    f32: (value) => number(4, (view) => view.setFloat32(0, value, true)),
    text: (text) => {
      const encoded = new TextEncoder().encode(text);
      writer.u64(encoded.length);
      writer.bytes(encoded);
    },
    result: () => new Uint8Array(Buffer.concat(chunks)),
  };
  return writer;
}

function writeValue(to: ByteWriter, value: GgufValue): void {
  const list = (elementType: number, count: number): void => {
    to.u32(9);
    to.u32(elementType);
    to.u64(count);
  };
  if ('u32' in value) {
    to.u32(4);
    to.u32(value.u32);
  } else if ('f32' in value) {
    to.u32(6);
    to.f32(value.f32);
  } else if ('bool' in value) {
    to.u32(7);
    to.bytes(Uint8Array.of(value.bool ? 1 : 0));
  } else if ('text' in value) {
    to.u32(8);
    to.text(value.text);
  } else if ('texts' in value) {
    list(8, value.texts.length);
    for (const text of value.texts) to.text(text);
  } else if ('f32s' in value) {
    list(6, value.f32s.length);
    to.bytes(new Uint8Array(value.f32s.buffer, value.f32s.byteOffset, value.f32s.byteLength));
  } else {
    list(5, value.i32s.length);
    to.bytes(new Uint8Array(value.i32s.buffer, value.i32s.byteOffset, value.i32s.byteLength));
  }
}
