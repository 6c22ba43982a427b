// A LoRA adapter in memory, laid out as the serving graph's inputs take it: what the pool keeps and a batch row gets.
// Used by adapter-pool.ts, lora-rows.ts and the sessions. It knows no files and no runtime.
// Invariants: alpha / rank is multiplied into B; one rank for all pairs (smaller ones are padded with zeros, which
// changes nothing); within a group that has LoRA a projection without it is zero; a group without LoRA has no part.
import type { LoraGroup } from '../graph/llama-serve-graph.ts';

export interface PackedAdapter {
  /** Names it in the pool and in metrics. */
  readonly key: string;
  readonly rank: number;
  readonly groups: readonly LoraGroup['name'][];
  /** All parts one after another, ordered by layer, then group (order of loraGroups), then A, then B of each projection. */
  readonly data: Float32Array;
  /** By graph input name (loraInputA, loraInputB): where its part starts in `data`. A [in, projections * rank], B [rank, out]. */
  readonly offsets: ReadonlyMap<string, number>;
}
