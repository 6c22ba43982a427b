// The header of a .safetensors file (https://github.com/huggingface/safetensors#format): which tensors lie where.
// Used by: safetensors (whole files), safetensors-file (tensor by tensor), adapter files. Knows no model and reads no file.
// Invariant: a header that does not describe its file exactly (holes, overlaps, wrong sizes, trailing bytes) is refused.

import { EngineError } from '../errors.ts';
import { isRecord } from './json-file.ts';

export type SafetensorsDtype = 'F32' | 'F16' | 'BF16';
export const bytesPerElement: Readonly<Record<SafetensorsDtype, number>> = { F32: 4, F16: 2, BF16: 2 };

/** The reference implementation's own limit. */
const headerBytesMax = 100_000_000;

export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** First byte of the tensor in its file. */
  readonly start: number;
  readonly end: number;
}

/**
 * Where the header ends and the tensors begin.
 * @param head the first 8 bytes of the file, or fewer if it has no more
 * @throws EngineError `safetensors_malformed`
 */
export function safetensorsDataStart(head: Uint8Array, fileBytes: number, where: string): number {
  if (head.byteLength < 8 || fileBytes < 8)
    throw safetensorsMalformed(where, `only ${fileBytes} bytes, the header length alone takes 8`);
  const headerBytes = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true);
  if (headerBytes > BigInt(headerBytesMax))
    throw safetensorsMalformed(where, `header of ${headerBytes} bytes, at most ${headerBytesMax} allowed`);
  if (8n + headerBytes > BigInt(fileBytes))
    throw safetensorsMalformed(where, `header of ${headerBytes} bytes in a file of ${fileBytes}`);
  return 8 + Number(headerBytes);
}

/**
 * The tensors of a file in the order of their bytes, by name.
 * @param head the file up to {@link safetensorsDataStart}, or more
 * @param where named in errors, usually the path
 * @throws EngineError `safetensors_malformed` | `safetensors_dtype_unsupported`
 */
export function parseSafetensorsHeader(
  head: Uint8Array,
  fileBytes: number,
  where: string,
): ReadonlyMap<string, SafetensorsEntry> {
  const dataStart = safetensorsDataStart(head, fileBytes, where);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(head.subarray(8, dataStart)));
  } catch (cause) {
    throw safetensorsMalformed(where, 'header is not JSON', cause);
  }
  if (!isRecord(header)) throw safetensorsMalformed(where, 'header is not a JSON object');
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(name, value, dataStart, where))
    .sort((a, b) => a.start - b.start || a.end - b.end);
  let expected = dataStart;
  for (const { name, start, end } of entries) {
    if (start !== expected)
      throw safetensorsMalformed(
        where,
        `tensor ${name} starts at ${start - dataStart}, expected ${expected - dataStart} (hole or overlap)`,
      );
    expected = end;
  }
  if (expected !== fileBytes)
    throw safetensorsMalformed(where, `tensors end at byte ${expected}, the file at ${fileBytes}`);
  return new Map(entries.map((entry) => [entry.name, entry]));
}

function parseEntry(name: string, value: unknown, dataStart: number, where: string): SafetensorsEntry {
  if (!isRecord(value)) throw safetensorsMalformed(where, `tensor ${name} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
    throw new EngineError(
      `${where}: tensor ${name} has dtype ${String(dtype)}; F32, F16 and BF16 are supported`,
      { code: 'safetensors_dtype_unsupported', retry: 'never' },
    );
  if (!isSizeList(shape))
    throw safetensorsMalformed(where, `tensor ${name} has shape ${JSON.stringify(shape)}`);
  const [start, end] = isSizeList(offsets) && offsets.length === 2 ? offsets : [];
  if (start === undefined || end === undefined)
    throw safetensorsMalformed(where, `tensor ${name} has offsets ${JSON.stringify(offsets)}`);
  const expectedBytes = shape.reduce((product, size) => product * size, 1) * bytesPerElement[dtype];
  if (end - start !== expectedBytes)
    throw safetensorsMalformed(
      where,
      `tensor ${name} ${dtype} [${shape}] needs ${expectedBytes} bytes, offsets give ${end - start}`,
    );
  return { name, dtype, shape, start: dataStart + start, end: dataStart + end };
}

function isSizeList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

export function safetensorsMalformed(where: string, what: string, cause?: unknown): EngineError {
  return new EngineError(`${where}: malformed safetensors: ${what}`, {
    code: 'safetensors_malformed',
    retry: 'never',
    cause,
  });
}
