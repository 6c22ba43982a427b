// Adapters in memory, ready for serving; the least recently used go when there are too many bytes. Used by the worker.
// It knows no requests. Invariants: an adapter in use may leave the pool, its request keeps it; a version's folder
// never changes, so id and folder name it.
import type { AdapterRef } from '../engine.ts';
import { loadLoraAdapter, loraPair } from '../model/lora-adapter.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { type LoraRows, loraRows, loraRowsBytes } from './lora-rows.ts';

interface AdapterPool {
  /** From memory, or from its folder. @throws EngineError of loading an adapter */
  readonly load: (adapter: AdapterRef) => LoraRows;
}

export function createAdapterPool(config: LlamaConfig, bytesMax: number): AdapterPool {
  const loaded = new Map<string, { readonly rows: LoraRows; readonly bytes: number }>(); // oldest use first
  let total = 0;
  return {
    load: ({ id, dir }) => {
      const key = JSON.stringify([id, dir]);
      const known = loaded.get(key);
      if (known !== undefined) {
        loaded.delete(key);
        loaded.set(key, known);
        return known.rows;
      }
      const adapter = loadLoraAdapter(dir, config);
      const rows = loraRows(config, (layer, projection) => loraPair(adapter, layer, projection));
      const bytes = loraRowsBytes(rows);
      loaded.set(key, { rows, bytes });
      total += bytes;
      for (const [oldest, entry] of loaded) {
        if (total <= bytesMax || loaded.size === 1) break;
        loaded.delete(oldest);
        total -= entry.bytes;
      }
      return rows;
    },
  };
}
