// A LoRA adapter as read -> the layout in which the pool keeps it and a batch row takes it (packed-adapter.ts).
// Used by read-adapter.ts and by tests. It knows no files and no runtime. One pass: A is transposed into its place
// beside the other A's of its group, B is transposed and scaled.
import { type LoraGroup, loraGroups, loraInputA, loraInputB } from '../graph/llama-serve-graph.ts';
import { adapterError } from '../model/adapter-settings.ts';
import { firstNotFinite, projectionShape } from '../model/llama-weights.ts';
import { type LoraAdapter, loraPair, loraTensorName } from '../model/lora-adapter.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { PackedAdapter } from './packed-adapter.ts';

/**
 * Ranks are rounded up to a multiple of this with zeros. Rows are padded to the largest rank among them, and the kernels
 * sum the last one to three ranks in another order: an adapter of rank 7 would say something else, in the last bits,
 * beside one of rank 8. Products with a single column (rank 1) depend on the length of a prompt's pieces, too.
 */
const rankStep = 4;

/** @param where named in errors @throws EngineError `adapter_not_finite` */
export function packAdapter(
  key: string,
  config: LlamaConfig,
  adapter: LoraAdapter,
  where = key,
): PackedAdapter {
  const steps = packInSteps(key, config, adapter, where);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same, pausing after each layer with the number of values packed so far. */
export function* packInSteps(
  key: string,
  config: LlamaConfig,
  adapter: LoraAdapter,
  where: string,
): Generator<number, PackedAdapter> {
  const groups = loraGroups.filter(({ projections }) =>
    projections.some((projection) => adapter.targets.includes(projection)),
  );
  const rank = Math.ceil(adapter.rank / rankStep) * rankStep;
  const layout = packedLayout(config, rank, groups);
  const data = new Float32Array(layout.length);
  for (let layer = 0; layer < config.layers; layer++) {
    for (const group of groups) packGroup(data, { ...layout, rank }, config, layer, group, adapter);
    const end = ((layer + 1) * layout.length) / config.layers;
    if (firstNotFinite(data.subarray(end - layout.length / config.layers, end)) >= 0)
      throw notFinite(where, adapter, layer);
    yield end;
  }
  return { key, rank, groups: groups.map(({ name }) => name), data, offsets: layout.offsets };
}

interface PackedLayout {
  readonly offsets: ReadonlyMap<string, number>;
  readonly length: number;
}

/** Layouts are few and shared: a thousand adapters of one kind hold one map. */
const layouts = new WeakMap<LlamaConfig, Map<string, PackedLayout>>();

function packedLayout(config: LlamaConfig, rank: number, groups: readonly LoraGroup[]): PackedLayout {
  const known = layouts.get(config) ?? new Map<string, PackedLayout>();
  layouts.set(config, known);
  const kind = [rank, ...groups.map(({ name }) => name)].join();
  const layout = known.get(kind) ?? newLayout(config, rank, groups);
  known.set(kind, layout);
  return layout;
}

function newLayout(config: LlamaConfig, rank: number, groups: readonly LoraGroup[]): PackedLayout {
  const offsets = new Map<string, number>();
  let length = 0;
  for (let layer = 0; layer < config.layers; layer++) {
    for (const group of groups) {
      offsets.set(loraInputA(layer, group), length);
      length += projectionShape(config, group.projections[0])[1] * group.projections.length * rank;
      for (const projection of group.projections) {
        offsets.set(loraInputB(layer, projection), length);
        length += rank * projectionShape(config, projection)[0];
      }
    }
  }
  return { offsets, length };
}

function packGroup(
  data: Float32Array,
  { offsets, rank: packedRank }: Pick<PackedAdapter, 'offsets' | 'rank'>,
  config: LlamaConfig,
  layer: number,
  group: LoraGroup,
  adapter: LoraAdapter,
): void {
  const { rank, scale } = adapter;
  const columns = group.projections.length * packedRank;
  group.projections.forEach((projection, index) => {
    const pair = loraPair(adapter, layer, projection);
    if (pair === undefined) return; // stays zero
    const [out, into] = projectionShape(config, projection);
    const { a, b } = pair;
    let to = offsetOf(offsets, loraInputA(layer, group)) + index * packedRank; // [in, projections * packedRank]
    for (let i = 0; i < into; i++, to += columns)
      for (let r = 0, from = i; r < rank; r++, from += into) data[to + r] = a[from];
    const start = offsetOf(offsets, loraInputB(layer, projection)); // [packedRank, out]
    for (let r = 0; r < rank; r++)
      for (let o = 0, from = r; o < out; o++, from += rank) data[start + r * out + o] = scale * b[from];
  });
}

function offsetOf(offsets: ReadonlyMap<string, number>, name: string): number {
  const offset = offsets.get(name);
  if (offset === undefined) throw new Error(`bug: the layout has no part ${name}`);
  return offset;
}

/** Says which tensor it is, or that alpha / rank is what makes it overflow. */
function notFinite(where: string, adapter: LoraAdapter, layer: number): Error {
  for (const projection of adapter.targets) {
    for (const half of ['A', 'B'] as const) {
      const name = loraTensorName(layer, projection, half);
      const values = adapter.weights.get(name)?.data ?? new Float32Array();
      const bad = firstNotFinite(values);
      if (bad >= 0)
        return adapterError('adapter_not_finite', where, `${name} holds ${values[bad]} at ${bad}`);
    }
  }
  const what = `B of layer ${layer} times alpha / rank = ${adapter.scale} is beyond float32`;
  return adapterError('adapter_not_finite', where, what);
}
