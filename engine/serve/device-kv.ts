// The KV cache of a device session: rows side by side in one buffer per layer and side, on the device for good.
// Used by device-session.ts. It knows no models beyond their sizes, and no tokens.
// Decoding reads and writes a view of the first rows. Views start at the front only (device-buffers.ts), so a prompt of
// any row but row 0 is taken in by a staging row of its own, and what is new in there is copied into its place at once.
// Invariants: after every call the rows themselves are complete; staging is a copy at best, and forgotten when in doubt;
// beyond a row's length anything may stand.
import type { Tensor } from 'onnxruntime-node';
import type { KvSnapshot } from './batch-session.ts';
import { type DeviceBuffers, deviceView } from './device-buffers.ts';

export interface DeviceKv {
  readonly bytes: number;
  /** Cache tensors [rows, kvHeads, contextTokens, headDim] of rows 0..rows-1, by layer: keys, values. */
  readonly front: (rows: number) => readonly Tensor[];
  /** Cache tensors [1, ...] in which a row's first `tokens` tokens stand; after the step `keep` takes what is new. */
  readonly open: (row: number, tokens: number) => Promise<readonly Tensor[]>;
  readonly keep: (row: number, start: number, end: number) => Promise<void>;
  /** The row was written to by a decoding step. */
  readonly touched: (row: number) => void;
  readonly move: (from: number, to: number, tokens: number) => Promise<void>;
  readonly read: (row: number, tokens: number) => Promise<KvSnapshot>;
  readonly write: (row: number, snapshot: KvSnapshot, tokens: number) => Promise<void>;
}

interface DeviceKvOptions {
  readonly buffers: DeviceBuffers;
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly contextTokens: number;
  readonly rowsMax: number;
}

const blockTokensMax = 64;

export async function createDeviceKv(options: DeviceKvOptions): Promise<DeviceKv> {
  const { buffers, layers, kvHeads, headDim, contextTokens, rowsMax } = options;
  const sides = 2 * layers;
  const blockTokens = largestDivisor(contextTokens, blockTokensMax);
  const perHead = contextTokens / blockTokens;
  const width = blockTokens * headDim;
  const perRow = kvHeads * perHead;

  const make = async (rows: number): Promise<readonly Tensor[]> => {
    const made: Tensor[] = [];
    for (let side = 0; side < sides; side++) made.push(await buffers.zeros([rows * perRow, width]));
    return made;
  };
  const rows = await make(rowsMax);
  const staging = rowsMax > 1 ? await make(1) : rows;
  const asCache = (parts: readonly Tensor[], count: number): readonly Tensor[] =>
    parts.map((part) => deviceView(part, [count, kvHeads, contextTokens, headDim]));
  const fronts = new Map<number, readonly Tensor[]>();
  const front = (count: number): readonly Tensor[] => {
    const known = fronts.get(count) ?? asCache(rows, count);
    fronts.set(count, known);
    return known;
  };
  const stagingCache = asCache(staging, 1);

  /** The blocks of a row (counted from row 0) that hold tokens start..end-1, head by head. */
  const blocks = (row: number, start: number, end: number): readonly number[] => {
    const first = Math.floor(start / blockTokens);
    const count = Math.ceil(end / blockTokens) - first;
    return Array.from({ length: kvHeads * count }, (_, at) => {
      const head = Math.floor(at / count);
      return row * perRow + head * perHead + first + (at % count);
    });
  };

  let staged = { row: -1, tokens: 0 };
  const touched = (row: number): void => {
    if (staged.row === row) staged = { row: -1, tokens: 0 };
  };

  return {
    bytes: sides * (rowsMax + (rowsMax > 1 ? 1 : 0)) * perRow * width * Float32Array.BYTES_PER_ELEMENT,
    front,
    open: async (row, tokens) => {
      if (row === 0) return front(1);
      if (tokens > 0 && (staged.row !== row || staged.tokens !== tokens)) {
        await buffers.copy(staging, blocks(0, 0, tokens), rows, blocks(row, 0, tokens));
      }
      staged = { row, tokens };
      return stagingCache;
    },
    keep: async (row, start, end) => {
      if (row === 0) return;
      await buffers.copy(rows, blocks(row, start, end), staging, blocks(0, start, end));
      staged = { row, tokens: end };
    },
    touched,
    move: async (from, to, tokens) => {
      touched(from);
      touched(to);
      if (tokens > 0) await buffers.copy(rows, blocks(to, 0, tokens), rows, blocks(from, 0, tokens));
    },
    read: async (row, tokens) => {
      if (tokens === 0) return { tokens, parts: rows.map(() => new Float32Array(0)) };
      const whole = await buffers.read(rows, blocks(row, 0, tokens));
      return { tokens, parts: whole.map((part) => relined(part, kvHeads, tokens * headDim)) };
    },
    write: async (row, snapshot, tokens) => {
      touched(row);
      if (tokens === 0) return;
      const lineWidth = Math.ceil(tokens / blockTokens) * width;
      const wanted = snapshot.parts.map((part) =>
        relined(cut(part, kvHeads, tokens * headDim), kvHeads, lineWidth),
      );
      await buffers.write(rows, blocks(row, 0, tokens), wanted);
    },
  };
}

/** The first `width` values of each of `lines` equal lines. */
function cut(values: Float32Array, lines: number, width: number): Float32Array {
  return values.length === lines * width ? values : relined(values, lines, width);
}

/** Equal lines made shorter, or longer with zeros at their ends. */
function relined(values: Float32Array, lines: number, width: number): Float32Array {
  const before = values.length / lines;
  const result = new Float32Array(lines * width);
  for (let line = 0; line < lines; line++) {
    const start = line * before;
    result.set(values.subarray(start, start + Math.min(before, width)), line * width);
  }
  return result;
}

function largestDivisor(value: number, most: number): number {
  for (let candidate = most; candidate > 1; candidate--) if (value % candidate === 0) return candidate;
  return 1;
}
