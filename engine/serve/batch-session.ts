// One model loaded for serving many requests at once: rows of a preallocated KV cache, each with its own adapter.
// The interface that the scheduler speaks; implemented for the CPU (serve-session.ts) and for GPUs (device-session.ts).
// It knows no requests, no text and no sampling. Rows 0..n-1 are decoded together, so the caller keeps live rows at the
// front (moveRow). Invariants: steps never overlap (one at a time, awaited); what a row yields is the same to the bit
// whatever the other rows hold, and however a prompt of two or more tokens is cut into pieces of two or more.
import type { LlamaConfig } from '../model/model-config.ts';
import type { WeightFormat } from '../model/weight-format.ts';
import type { PackedAdapter } from './packed-adapter.ts';

export interface BatchSession {
  readonly config: LlamaConfig;
  /** Tokens one row can hold. */
  readonly contextTokens: number;
  readonly rowsMax: number;
  readonly device: 'cpu' | 'webgpu' | 'cuda';
  readonly weights: WeightFormat;
  /** How keys and values reach the cache: written in place (two ways of getting there), or scattered after each step. */
  readonly kvMode: 'in_place' | 'native_reuse' | 'plain';
  /** Bytes held for good: weights, cache, adapter rows. */
  readonly residentBytes: () => number;
  /** Gives a row its adapter (undefined = the base model). The first adapter of a new kind may rebuild the graph. */
  readonly setAdapter: (row: number, adapter: PackedAdapter | undefined) => Promise<void>;
  /** Appends ids to one row that holds `start` tokens; the other rows are untouched. */
  readonly prefill: (input: PrefillInput) => Promise<StepLogits>;
  /** Appends one token to each of rows 0..ids.length-1. */
  readonly decode: (input: DecodeInput) => Promise<StepLogits>;
  /** Row `to` becomes row `from`: its first `tokens` of cache, and its adapter. `from` is free afterwards. */
  readonly moveRow: (from: number, to: number, tokens: number) => Promise<void>;
  /** Keys and values of the first `tokens` tokens of a row, copied out. */
  readonly readRow: (row: number, tokens: number) => Promise<KvSnapshot>;
  /** The first `tokens` tokens of a snapshot, copied into a row. */
  readonly writeRow: (row: number, snapshot: KvSnapshot, tokens: number) => Promise<void>;
  readonly release: () => Promise<void>;
}

export interface PrefillInput {
  readonly row: number;
  readonly start: number;
  readonly ids: readonly number[];
  /** Of the probabilities wanted; 0 counts as 1. */
  readonly temperature: number;
  /** Logits of the last token, or of every token (then index i of the result is token i). */
  readonly wanted: 'last' | 'all';
}

export interface DecodeInput {
  readonly ids: readonly number[];
  /** Tokens that row i holds before this step. */
  readonly lengths: readonly number[];
  readonly temperatures: readonly number[];
}

/** Results of a step, by row of the batch. Views: they hold until the next step. */
export interface StepLogits {
  readonly logits: (index: number) => Float32Array; // [vocab]
  /** The likeliest tokens, likeliest first, ties by lower id. */
  readonly topIds: (index: number) => readonly number[]; // [min(64, vocab)]
  /** Their probabilities over the whole vocabulary at the temperature asked for. */
  readonly topProbabilities: (index: number) => Float32Array; // [min(64, vocab)]
}

export interface KvSnapshot {
  readonly tokens: number;
  /** One array for each cache tensor, in a fixed order of the session: [kvHeads, tokens, headDim]. */
  readonly parts: readonly Float32Array[];
}
