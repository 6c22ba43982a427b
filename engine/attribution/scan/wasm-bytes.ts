// The parts that every WebAssembly module is written with, as bytes. Used by simd-dot.ts and panel-product.ts, which assemble
// a function each. It knows the binary format (webassembly.github.io/spec/core/binary) and no function.

export const i32 = 0x7f;
export const v128 = 0x7b;
export const get = (local: number) => [0x20, local];
export const set = (local: number) => [0x21, local];
export const add = [0x6a];
export const i32Const = (value: number) => [0x41, value];
export const simd = (opcode: number) => [0xfd, ...leb(opcode)];

export interface WasmFunction {
  readonly name: string;
  /** All i32; no result. */
  readonly parameters: number;
  /** Declarations of locals, then instructions, `end` included. */
  readonly body: readonly number[];
}

const pageBytes = 65_536;

/** A module of one function over the memory that it is given. */
export function wasmModule({ name, parameters, body }: WasmFunction): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, parameters, ...new Array<number>(parameters).fill(i32), 0]),
    ...section(2, [1, ...text('env'), ...text('memory'), 0x02, 0x01, 0, ...leb(pageBytes)]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text(name), 0x00, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

/** @param bytes at most 4 GiB */
export function wasmMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / pageBytes);
  return new WebAssembly.Memory({ initial: pages, maximum: pages });
}

function section(id: number, content: readonly number[]): readonly number[] {
  return [id, ...leb(content.length), ...content];
}

function text(name: string): readonly number[] {
  return [name.length, ...new TextEncoder().encode(name)];
}

/** Unsigned LEB128. */
function leb(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}
