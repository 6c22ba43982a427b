// Products of narrow panels of double-precision matrices, taken off a target, as blocked factorisations need them. Used by
// cholesky.ts. It knows numbers only.
// Why WebAssembly: two doubles at a time, tiles of 4 × 4 held in registers; onnxruntime's product of doubles is faster still
// but adds in an order of its own with fused steps. Here each number of the target has its products taken off one after the
// other, each rounded, exactly as the plain loop does it: the same bits, on every machine.
import { add, get, i32, i32Const, set, simd, v128, wasmMemory, wasmModule } from './scan/wasm-bytes.ts';

/** Steps of a panel, and columns of a target block, at most. */
export const panelSize = 128;
const tile = 4;
const doubleBytes = 8;

/** A matrix [rows, steps] within an array, read in any direction. */
interface Panel {
  readonly source: Float64Array;
  /** Place of row 0, step 0. */
  readonly at: number;
  readonly rows: number;
  readonly rowStride: number;
  readonly steps: number;
  /** Left out: 1. */
  readonly stepStride?: number;
}

interface TargetBlock {
  readonly target: Float64Array;
  /** Place of row 0, column 0. */
  readonly at: number;
  readonly stride: number;
  readonly rows: number;
  /** At most `panelSize`. */
  readonly columns: number;
  /** The packed left row of row 0, a multiple of 4. */
  readonly leftFrom?: number;
  /** How many columns of a row are changed; left out: all. */
  readonly columnsOf?: (row: number) => number;
}

export interface PanelProduct {
  /** Keeps a copy; both sides of a product have the same steps. `right` has at most `panelSize` rows. */
  readonly pack: (side: 'left' | 'right', panel: Panel) => void;
  /** target[r, c] −= Σ_s left[leftFrom + r, s] · right[c, s], one s after the other. */
  readonly subtract: (block: TargetBlock) => void;
}

/** @param leftRows at most so many rows on the left */
export function createPanelProduct(leftRows: number): PanelProduct {
  const panelBytes = (rows: number): number => Math.ceil(rows / tile) * tile * panelSize * doubleBytes;
  const places = {
    left: 0,
    right: panelBytes(leftRows),
    target: panelBytes(leftRows) + panelBytes(panelSize),
  };
  const memory = wasmMemory(places.target + tile * panelSize * doubleBytes);
  const floats = new Float64Array(memory.buffer);
  const { exports } = new WebAssembly.Instance(tileModule(), { env: { memory } });
  const subtractTile = exports.tile as TileFunction; // the module below exports it with this signature
  const targetAt = places.target / doubleBytes;
  let packedSteps = 0;
  return {
    pack: (side, { source, at, rows, rowStride, steps, stepStride = 1 }) => {
      packedSteps = steps;
      for (let row = 0; row < Math.ceil(rows / tile) * tile; row++) {
        const strip = row - (row % tile);
        let to = places[side] / doubleBytes + strip * steps + (row % tile); // [strip][step][row of the strip]
        let from = at + row * rowStride;
        for (let step = 0; step < steps; step++, to += tile, from += stepStride)
          floats[to] = row < rows ? source[from] : 0;
      }
    },
    subtract: ({ target, at, stride, rows, columns, leftFrom = 0, columnsOf = () => columns }) => {
      const stripBytes = packedSteps * doubleBytes;
      for (let first = 0; first < rows; first += tile) {
        const end = Math.min(rows, first + tile);
        for (let row = first; row < end; row++)
          floats.set(
            target.subarray(at + row * stride, at + row * stride + columns),
            targetAt + (row - first) * panelSize,
          );
        for (let column = 0; column < columns; column += tile)
          subtractTile(
            places.target + column * doubleBytes,
            panelSize * doubleBytes,
            places.left + (leftFrom + first) * stripBytes,
            places.right + column * stripBytes,
            tile * stripBytes,
          );
        for (let row = first; row < end; row++) {
          const from = targetAt + (row - first) * panelSize;
          target.set(floats.subarray(from, from + columnsOf(row)), at + row * stride);
        }
      }
    },
  };
}

/** target [4, 4] −= left · rightᵀ over strips of `bytes`; places are byte offsets, `bytes` > 0. */
type TileFunction = (target: number, stride: number, left: number, right: number, bytes: number) => void;

let compiled: WebAssembly.Module | undefined;

function tileModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(tileBytes());
  return compiled;
}

/**
 * Locals: 0 target, 1 stride, 2 left, 3 right, 4 bytes, then the end of the left strip; 5 row of the target; 6 to 13 sums,
 * two of each row; 14 and 15 the right side's four numbers, 16 one of the left twice.
 * Opcodes of webassembly.github.io/spec/core/appendix/index-instructions.html
 */
function tileBytes(): Uint8Array<ArrayBuffer> {
  const load = (offset: number) => [...simd(0x00), 0x04, offset];
  const loadTwice = (offset: number) => [...simd(0x0a), 0x03, offset];
  const store = (offset: number) => [...simd(0x0b), 0x04, offset];
  const [subtract, multiply] = [simd(0xf1), simd(0xf2)]; // two doubles each
  const rowNumbers = [0, 1, 2, 3];
  const sum = (row: number, half: number) => 6 + 2 * row + half;
  const nextRow = [...get(5), ...get(1), ...add, ...set(5)];
  const takeOff = (row: number, half: number) => [
    ...get(sum(row, half)),
    ...[...get(16), ...get(14 + half), ...multiply, ...subtract],
    ...set(sum(row, half)),
  ];
  const step = [
    ...[...get(3), ...load(0), ...set(14), ...get(3), ...load(16), ...set(15)],
    ...rowNumbers.flatMap((row) => [
      ...[...get(2), ...loadTwice(8 * row), ...set(16)],
      ...[...takeOff(row, 0), ...takeOff(row, 1)],
    ]),
    ...[...get(3), ...i32Const(32), ...add, ...set(3)],
    ...[...get(2), ...i32Const(32), ...add, 0x22, 2], // left + 32, kept on the stack
  ];
  const body = [
    ...[2, 1, i32, 11, v128], // locals: 1 of i32, 11 of v128
    ...[...get(2), ...get(4), ...add, ...set(4)],
    ...[...get(0), ...set(5)],
    ...rowNumbers.flatMap((row) => [
      ...[...get(5), ...load(0), ...set(sum(row, 0)), ...get(5), ...load(16), ...set(sum(row, 1))],
      ...nextRow,
    ]),
    ...[0x03, 0x40, ...step, ...get(4), 0x49, 0x0d, 0, 0x0b], // loop while left < end
    ...[...get(0), ...set(5)],
    ...rowNumbers.flatMap((row) => [
      ...[...get(5), ...get(sum(row, 0)), ...store(0), ...get(5), ...get(sum(row, 1)), ...store(16)],
      ...nextRow,
    ]),
    0x0b,
  ];
  return wasmModule({ name: 'tile', parameters: 5, body });
}
