// The LoRA weights of a batch on the CPU: for each LoRA input of the graph one buffer with a place for every row, so that
// row i of the batch uses adapter row i. Used by serve-session.ts. It knows no cache and no runs.
// Invariants: a row without an adapter is zero in every buffer; an adapter of a smaller rank than the buffers' is padded
// with zeros, which changes no bit; rows keep the adapter they were given until another one takes its place.
import { Tensor } from 'onnxruntime-node';
import { type LoraGroup, loraGroups, loraInputA, loraInputB } from '../graph/llama-serve-graph.ts';
import { projectionShape } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { PackedAdapter } from './packed-adapter.ts';

type GroupName = LoraGroup['name'];

interface AdapterRows {
  readonly groups: ReadonlySet<GroupName>;
  readonly rank: number;
  readonly bytes: number;
  readonly set: (row: number, adapter: PackedAdapter | undefined) => void;
  readonly adapterOf: (row: number) => PackedAdapter | undefined;
  readonly move: (from: number, to: number) => void;
  /** The groups that some row of 0..n-1 needs. */
  readonly used: (n: number) => readonly GroupName[];
  /** Views of rows 0..n-1 by graph input name; groups that are not `used` are zeros of rank 1. */
  readonly prefix: (n: number, used: readonly GroupName[]) => Readonly<Record<string, Tensor>>;
  /** One row as its adapter lies in memory. */
  readonly single: (row: number) => Readonly<Record<string, Tensor>>;
}

interface RowInput {
  readonly name: string;
  readonly group: GroupName;
  /** Blocks of a row: A is `into` lines of `projections` parts of rank values, B is rank lines of `out` values. */
  readonly lines: number | undefined;
  readonly parts: number;
  readonly width: number;
  readonly rowSize: number;
  readonly buffer: Float32Array;
}

/** @param rank 0 where there are no groups */
export function adapterRows(
  config: LlamaConfig,
  rowsMax: number,
  groups: ReadonlySet<GroupName>,
  rank: number,
): AdapterRows {
  const inputs = rowInputs(config, rowsMax, groups, rank);
  const singles = new WeakMap<PackedAdapter, Readonly<Record<string, Tensor>>>();
  let bare: Readonly<Record<string, Tensor>> | undefined; // of a row without an adapter
  const zeros = new Float32Array(Math.max(0, ...inputs.map(({ buffer }) => buffer.length / rank)));
  const adapters: (PackedAdapter | undefined)[] = new Array(rowsMax).fill(undefined);
  const zero = (row: number, input: RowInput): void => {
    input.buffer.fill(0, row * input.rowSize, (row + 1) * input.rowSize);
  };
  return {
    groups,
    rank,
    bytes: inputs.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
    adapterOf: (row) => adapters[row],
    set: (row, adapter) => {
      if (adapters[row] === adapter) return;
      const before = adapters[row];
      for (const input of inputs) {
        const from = adapter?.offsets.get(input.name);
        if (adapter !== undefined && from !== undefined) copyPart(input, row, adapter, from, rank);
        else if (before?.offsets.has(input.name)) zero(row, input);
      }
      adapters[row] = adapter;
    },
    move: (from, to) => {
      if (adapters[from] === adapters[to]) return;
      for (const { buffer, rowSize } of inputs)
        buffer.copyWithin(to * rowSize, from * rowSize, (from + 1) * rowSize);
      adapters[to] = adapters[from];
    },
    used: (n) => {
      const live = adapters.slice(0, n);
      return [...groups].filter((group) => live.some((adapter) => adapter?.groups.includes(group)));
    },
    prefix: (n, used) => {
      const tensors: Record<string, Tensor> = {};
      for (const input of inputs)
        tensors[input.name] = used.includes(input.group)
          ? inputTensor(input, n, rank, input.buffer.subarray(0, n * input.rowSize))
          : inputTensor(input, n, 1, zeros.subarray(0, (n * input.rowSize) / rank));
      return tensors;
    },
    single: (row) => {
      const adapter = adapters[row];
      const kept = adapter === undefined ? bare : singles.get(adapter);
      if (kept !== undefined) return kept;
      const tensors: Record<string, Tensor> = {};
      for (const input of inputs) {
        const size = input.rowSize / rank;
        const from = adapter?.offsets.get(input.name);
        tensors[input.name] =
          adapter === undefined || from === undefined
            ? inputTensor(input, 1, 1, zeros.subarray(0, size))
            : inputTensor(input, 1, adapter.rank, adapter.data.subarray(from, from + size * adapter.rank));
      }
      if (adapter === undefined) bare = tensors;
      else singles.set(adapter, tensors);
      return tensors;
    },
  };
}

function inputTensor(input: RowInput, n: number, rank: number, values: Float32Array): Tensor {
  const { lines, parts, width } = input;
  return new Tensor('float32', values, lines === undefined ? [n, rank, width] : [n, lines, rank * parts]);
}

function rowInputs(
  config: LlamaConfig,
  rowsMax: number,
  groups: ReadonlySet<GroupName>,
  rank: number,
): readonly RowInput[] {
  const inputs: RowInput[] = [];
  // Filled, not only allocated: the first touch of fresh pages costs more than a whole step.
  const buffer = (size: number): Float32Array => new Float32Array(rowsMax * size).fill(0);
  for (let layer = 0; layer < config.layers; layer++) {
    for (const group of loraGroups) {
      if (!groups.has(group.name)) continue;
      const parts = group.projections.length;
      const [, lines] = projectionShape(config, group.projections[0]);
      const sizeA = lines * parts * rank;
      const a = { group: group.name, lines, parts, width: 0, rowSize: sizeA, buffer: buffer(sizeA) };
      inputs.push({ name: loraInputA(layer, group), ...a });
      for (const projection of group.projections) {
        const [width] = projectionShape(config, projection);
        const rowSize = rank * width;
        const b = { group: group.name, lines: undefined, parts: 1, width, rowSize, buffer: buffer(rowSize) };
        inputs.push({ name: loraInputB(layer, projection), ...b });
      }
    }
  }
  return inputs;
}

/** Copies one part of a packed adapter into a row, padding its rank to the buffers'. */
function copyPart(input: RowInput, row: number, adapter: PackedAdapter, from: number, rank: number): void {
  const { buffer, rowSize, lines, parts, width } = input;
  const target = row * rowSize;
  const size = lines === undefined ? adapter.rank * width : lines * parts * adapter.rank;
  if (lines === undefined || adapter.rank === rank) {
    buffer.set(adapter.data.subarray(from, from + size), target);
    buffer.fill(0, target + size, target + rowSize);
    return;
  }
  buffer.fill(0, target, target + rowSize);
  for (let part = 0; part < lines * parts; part++) {
    const source = from + part * adapter.rank;
    const place = target + part * rank;
    for (let r = 0; r < adapter.rank; r++) buffer[place + r] = adapter.data[source + r];
  }
}
