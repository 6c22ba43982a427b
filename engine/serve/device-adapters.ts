// The adapters of a device session: for each LoRA input one buffer with a line for each row, on the device for good.
// Used by device-session.ts. An adapter crosses the bus once, when a row gets it; moving rows copies on the device.
// Invariants: a row without adapter is zero; all rows share one rank (smaller adapters are padded with zeros, which
// changes nothing); when a larger rank or a new group comes, everything is made anew from the adapters that rows hold.
import type { Tensor } from 'onnxruntime-node';
import { type LoraGroup, loraGroups, loraInputA, loraInputB } from '../graph/llama-serve-graph.ts';
import { projectionShape } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { type DeviceBuffers, deviceView } from './device-buffers.ts';
import type { PackedAdapter } from './packed-adapter.ts';

export interface DeviceAdapters {
  readonly bytes: () => number;
  readonly groups: () => ReadonlySet<LoraGroup['name']>;
  /** LoRA inputs of rows 0..rows-1. */
  readonly front: (rows: number) => Record<string, Tensor>;
  /** LoRA inputs of one row, as a batch of one. */
  readonly single: (row: number) => Promise<Record<string, Tensor>>;
  readonly set: (row: number, adapter: PackedAdapter | undefined) => Promise<void>;
  readonly move: (from: number, to: number) => Promise<void>;
}

interface DeviceAdaptersOptions {
  readonly buffers: DeviceBuffers;
  readonly config: LlamaConfig;
  readonly rowsMax: number;
}

/** One LoRA input: in what sizes a row has it, at a given rank. */
interface LoraPart {
  readonly name: string;
  readonly dims: (rank: number) => readonly [number, number];
  /** How many pieces of `rank` columns stand side by side (A of a group), or 0 where the rank is the rows' (B). */
  readonly pieces: number;
}

/** Ranks are rounded up to this: kernels load four values at a time. */
const rankStep = 4;

export function createDeviceAdapters({ buffers, config, rowsMax }: DeviceAdaptersOptions): DeviceAdapters {
  const adapters = new Array<PackedAdapter | undefined>(rowsMax).fill(undefined);
  let groups = new Set<LoraGroup['name']>();
  let rank = 0;
  let parts: readonly LoraPart[] = [];
  let rows: readonly Tensor[] = []; // by part: [rowsMax, values of one row]
  let staging: readonly Tensor[] = []; // by part: [1, values of one row]
  let stagedRow = -1;

  const inputs = (tensors: readonly Tensor[], count: number): Record<string, Tensor> =>
    Object.fromEntries(
      parts.map(({ name, dims }, part) => [name, deviceView(tensors[part], [count, ...dims(rank)])]),
    );
  let fronts = new Map<number, Record<string, Tensor>>();
  const front = (count: number): Record<string, Tensor> => {
    const known = fronts.get(count) ?? inputs(rows, count);
    fronts.set(count, known);
    return known;
  };

  const upload = async (row: number): Promise<void> => {
    if (stagedRow === row) stagedRow = -1;
    const adapter = adapters[row];
    const values = parts.map((part) => paddedPart(part, adapter, rank));
    if (parts.length > 0) await buffers.write(rows, [row], values);
  };

  const grow = async (adapter: PackedAdapter): Promise<void> => {
    const wantedRank = Math.max(rank, Math.ceil(adapter.rank / rankStep) * rankStep);
    const wanted = new Set([...groups, ...adapter.groups]);
    if (wantedRank === rank && wanted.size === groups.size) return;
    for (const tensor of [...rows, ...staging]) tensor.dispose();
    [rank, groups, parts] = [wantedRank, wanted, loraParts(config, wanted)];
    const make = async (count: number): Promise<readonly Tensor[]> => {
      const made: Tensor[] = [];
      for (const { dims } of parts) {
        const [height, width] = dims(rank);
        made.push(await buffers.zeros([count, height * width]));
      }
      return made;
    };
    rows = await make(rowsMax);
    staging = await make(1);
    stagedRow = -1;
    fronts = new Map();
    for (const [row, held] of adapters.entries()) if (held !== undefined) await upload(row);
  };

  return {
    bytes: () =>
      [...rows, ...staging].reduce((sum, { size }) => sum + size * Float32Array.BYTES_PER_ELEMENT, 0),
    groups: () => groups,
    front,
    single: async (row) => {
      if (row === 0 || parts.length === 0) return front(1);
      if (stagedRow !== row) await buffers.copy(staging, [0], rows, [row]);
      stagedRow = row;
      return inputs(staging, 1);
    },
    set: async (row, adapter) => {
      if (adapters[row] === adapter) return;
      if (adapter !== undefined) await grow(adapter);
      adapters[row] = adapter;
      await upload(row);
    },
    move: async (from, to) => {
      if (adapters[to] === adapters[from]) return;
      if (stagedRow === to) stagedRow = -1;
      adapters[to] = adapters[from];
      await buffers.copy(rows, [to], rows, [from]);
    },
  };
}

/** In the order in which a PackedAdapter has them. */
function loraParts(config: LlamaConfig, groups: ReadonlySet<LoraGroup['name']>): readonly LoraPart[] {
  const parts: LoraPart[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    for (const group of loraGroups) {
      if (!groups.has(group.name)) continue;
      const pieces = group.projections.length;
      const into = projectionShape(config, group.projections[0])[1];
      parts.push({ name: loraInputA(layer, group), pieces, dims: (rank) => [into, pieces * rank] });
      for (const projection of group.projections) {
        const [out] = projectionShape(config, projection);
        parts.push({ name: loraInputB(layer, projection), pieces: 0, dims: (rank) => [rank, out] });
      }
    }
  }
  return parts;
}

/** The values of one input for one row, at the rows' rank. */
function paddedPart(part: LoraPart, adapter: PackedAdapter | undefined, rank: number): Float32Array {
  const [height, width] = part.dims(rank);
  const result = new Float32Array(height * width);
  const offset = adapter?.offsets.get(part.name);
  if (adapter === undefined || offset === undefined) return result;
  const [ownHeight, ownWidth] = part.dims(adapter.rank);
  const values = adapter.data.subarray(offset, offset + ownHeight * ownWidth);
  if (part.pieces === 0 || adapter.rank === rank) {
    result.set(values);
    return result;
  }
  for (let line = 0; line < height; line++) {
    for (let piece = 0; piece < part.pieces; piece++) {
      const start = line * ownWidth + piece * adapter.rank;
      result.set(values.subarray(start, start + adapter.rank), line * width + piece * rank);
    }
  }
  return result;
}
