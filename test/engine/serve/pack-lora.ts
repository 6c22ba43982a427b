// Packs a LoRA adapter into the layout of the serving graph's inputs, written apart from the engine's own packing so
// that tests of sessions do not share its mistakes. Used by the batch session's tests.
import { loraGroups, loraInputA, loraInputB } from '../../../engine/graph/llama-serve-graph.ts';
import { projectionShape } from '../../../engine/model/llama-weights.ts';
import { type LoraAdapter, loraPair } from '../../../engine/model/lora-adapter.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import type { PackedAdapter } from '../../../engine/serve/packed-adapter.ts';

export function packLora(config: LlamaConfig, adapter: LoraAdapter, key: string): PackedAdapter {
  const { rank } = adapter;
  const used = loraGroups.filter((group) =>
    group.projections.some((projection) => adapter.targets.includes(projection)),
  );
  const values: number[] = [];
  const offsets = new Map<string, number>();
  for (let layer = 0; layer < config.layers; layer++) {
    for (const group of used) {
      const pairs = group.projections.map((projection) => loraPair(adapter, layer, projection));
      const [, into] = projectionShape(config, group.projections[0]);
      offsets.set(loraInputA(layer, group), values.length);
      for (let i = 0; i < into; i++) {
        for (const pair of pairs) for (let r = 0; r < rank; r++) values.push(pair?.a[r * into + i] ?? 0);
      }
      group.projections.forEach((projection, index) => {
        const pair = pairs[index];
        const [out] = projectionShape(config, projection);
        offsets.set(loraInputB(layer, projection), values.length);
        for (let r = 0; r < rank; r++)
          for (let o = 0; o < out; o++)
            values.push(pair === undefined ? 0 : pair.scale * pair.b[o * rank + r]);
      });
    }
  }
  return { key, rank, groups: used.map(({ name }) => name), data: Float32Array.from(values), offsets };
}
