// Inner products of int8 vectors, 16 values at a time: a WebAssembly function of a hundred bytes, assembled here. Used by
// row-scan.ts. It knows no rows and no scores: bytes in its own memory, products out.
// Why WebAssembly: a plain loop takes 1 ns for each pair, this 0.1 (measured), and onnxruntime's integer product wants its
// matrix as a constant, a second copy of all rows. Fixed-width SIMD is exact integer arithmetic: the same result on every
// machine, to the bit.
// Invariant: lengths are multiples of 16, and a product of `length` pairs stays below 2^31 (length <= 131,072).
import { add, get, i32, i32Const, set, simd, v128, wasmMemory, wasmModule } from './wasm-bytes.ts';

export interface DotKernel {
  readonly memory: WebAssembly.Memory;
  /**
   * out[r] = Σ_i rows[r · length + i] · query[r · queryStride + i] for r < count, as i32.
   * All places are byte offsets in `memory`, multiples of 16; `length` and `queryStride` count bytes.
   */
  readonly dots: (
    rows: number,
    count: number,
    length: number,
    query: number,
    queryStride: number,
    out: number,
  ) => void;
}

/** @param bytes of memory, at most 4 GiB; its content is the caller's */
export function createDotKernel(bytes: number): DotKernel {
  const memory = wasmMemory(bytes);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()), { env: { memory } });
  const dots = exports.dots as DotKernel['dots']; // the module below exports it with this signature
  return { memory, dots };
}

// Opcodes of webassembly.github.io/spec/core/appendix/index-instructions.html
const load = (offset: number) => [...simd(0x00), 0x04, offset];
const extendLow = simd(0x87);
const extendHigh = simd(0x88);
const dotPairs = simd(0xba);
const addLanes = simd(0xae);
const lane = (index: number) => [...simd(0x1b), index];

/** Locals: 0 rows, 1 count, 2 length, 3 query, 4 queryStride, 5 out, 6 position, 7 end of row, 8 sum, 9 and 10 bytes. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const step = [
    ...[...get(0), ...load(0), ...set(9)],
    ...[...get(6), ...load(0), ...set(10)],
    ...[...get(8), ...get(9), ...extendLow, ...get(10), ...extendLow, ...dotPairs, ...addLanes],
    ...[...get(9), ...extendHigh, ...get(10), ...extendHigh, ...dotPairs, ...addLanes, ...set(8)],
    ...[...get(0), ...i32Const(16), ...add, ...set(0)],
    ...[...get(6), ...i32Const(16), ...add, ...set(6)],
  ];
  const row = [
    ...[...get(3), ...set(6)],
    ...[...get(0), ...get(2), ...add, ...set(7)],
    ...[...i32Const(0), ...simd(0x11), ...set(8)], // i32x4.splat
    ...[0x03, 0x40, ...step, ...get(0), ...get(7), 0x49, 0x0d, 0, 0x0b], // loop while rows < end
    ...get(5),
    ...[...get(8), ...lane(0), ...get(8), ...lane(1), ...add],
    ...[...get(8), ...lane(2), ...get(8), ...lane(3), ...add, ...add],
    ...[0x36, 0x02, 0x00], // i32.store
    ...[...get(5), ...i32Const(4), ...add, ...set(5)],
    ...[...get(3), ...get(4), ...add, ...set(3)],
    ...[...get(1), ...i32Const(1), 0x6b, 0x22, 1], // count - 1, kept on the stack
  ];
  const body = [
    ...[2, 2, i32, 3, v128], // locals: 2 of i32, 3 of v128
    ...[...get(1), 0x45, 0x04, 0x40, 0x0f, 0x0b], // no rows: return
    ...[0x03, 0x40, ...row, 0x0d, 0, 0x0b],
    0x0b,
  ];
  return wasmModule({ name: 'dots', parameters: 6, body });
}
