// The messages between the serving worker and its client. Used by serve-loop.ts and serve-client.ts, and what they
// pass on. Small plain objects: token ids and numbers, never weights or logits. `call` ties answers to questions.
// A generate call is answered by queued..., start, tokens..., and one of done or failed; every other call by one
// message. Events of one step travel together.
import type { AdapterRef, AdapterState } from '../engine.ts';
import type { Retry } from '../errors.ts';
import type { WeightFormat } from '../model/weight-format.ts';
import type { AdapterPoolStats } from './adapter-pool.ts';
import type { BatchSession } from './batch-session.ts';
import type { deviceWishes } from './choose-device.ts';
import type { TokenLikelihood } from './token-likelihood.ts';

export interface ServeWorkerData {
  readonly modelDir: string;
  readonly threads: number;
  readonly device: BatchSession['device'];
  readonly weights: WeightFormat;
  /** Cache length in tokens; the model's own limit applies too. */
  readonly contextTokensMax: number;
  /** Requests written at the same time, if the memory allows it. */
  readonly rowsMax: number;
  /** Tokens, prompts and longest answers together, of these requests. */
  readonly tokensMax: number;
  /** Requests waiting for one of those places. */
  readonly queueMax: number;
  /** Prompt tokens read between two steps of the answers that are being written. At least 2. */
  readonly pieceTokensMax: number;
  readonly adapterBytesMax: number;
  /** Kept keys and values of prompts; 0 = none. */
  readonly prefixBytesMax: number;
  /** Weights, rows and pools stay below this; left out = half of the machine's memory. */
  readonly memoryBytesMax?: number;
}

/** The same before the device is chosen. */
export interface ServeWish extends Omit<ServeWorkerData, 'device'> {
  readonly device: (typeof deviceWishes)[number];
}

/** What the fields mean, and what they may be: Sampling and GenerateRequest in engine.ts. */
export interface TokenRequest {
  readonly promptIds: readonly number[];
  readonly adapter?: AdapterRef;
  readonly maxTokens: number;
  readonly stopIds: readonly number[];
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly logitBias?: Readonly<Record<number, number>>;
  readonly logprobs?: number;
  readonly seed: number;
  readonly fairnessKey?: string;
  /** Milliseconds since 1970. */
  readonly deadlineAt?: number;
}

export type ToWorker =
  | { readonly type: 'generate'; readonly call: number; readonly request: TokenRequest }
  | { readonly type: 'cancel'; readonly call: number }
  | {
      readonly type: 'score';
      readonly call: number;
      readonly ids: readonly number[];
      readonly adapter?: AdapterRef;
    }
  | { readonly type: 'load_adapter'; readonly call: number; readonly adapter: AdapterRef }
  /** First sign of interest; no answer. */
  | { readonly type: 'prefetch_adapter'; readonly adapter: AdapterRef }
  | { readonly type: 'adapter_state'; readonly call: number; readonly adapter: AdapterRef }
  | { readonly type: 'stats'; readonly call: number }
  /** Ends the worker after the step under way. */
  | { readonly type: 'close' }
  /** Throws an error that nobody catches; for tests of what happens then. */
  | { readonly type: 'crash' };

export type DoneReason = 'stop' | 'length' | 'cancelled' | 'deadline';

/** What one generate call reports, in order. */
export type TokenEvent =
  /** Only while it waits; 1 = next. */
  | { readonly type: 'queued'; readonly position: number }
  | { readonly type: 'start'; readonly promptTokens: number }
  | { readonly type: 'token'; readonly id: number; readonly likelihood?: TokenLikelihood }
  | { readonly type: 'done'; readonly reason: DoneReason };

export interface CallEvent {
  readonly call: number;
  readonly event: TokenEvent;
}

/** An EngineError on its way between threads. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly retry: Retry;
  readonly retryAfterMs?: number;
}

/** Bytes of the model's files. */
export interface LoadProgress {
  readonly readBytes: number;
  readonly totalBytes: number;
}

/** What serves, once the model is loaded. */
export interface ServingInfo
  extends Pick<BatchSession, 'contextTokens' | 'rowsMax' | 'device' | 'weights' | 'kvMode'> {
  /** Weights, cache and adapter rows. */
  readonly residentBytes: number;
  readonly adapterBytesMax: number;
  readonly prefixBytesMax: number;
  /** Why this device. */
  readonly reason: string;
}

/** Requests by state, and the rows and tokens (prompts and longest answers) that all but the queued ones hold. */
export interface SchedulerStats {
  readonly queued: number;
  readonly admitted: number;
  readonly reading: number;
  readonly writing: number;
  readonly rowsHeld: number;
  readonly tokensHeld: number;
}

/** What the worker is busy with at one moment; zeros and no pins where nobody asks anything. */
export interface ServingStats extends SchedulerStats {
  readonly adapters: AdapterPoolStats;
  readonly prefixBytes: number;
}

export type FromWorker =
  | { readonly type: 'progress'; readonly progress: LoadProgress }
  | { readonly type: 'ready'; readonly info: Omit<ServingInfo, 'reason'> }
  | { readonly type: 'events'; readonly events: readonly CallEvent[] }
  /** nats per token after the first */
  | { readonly type: 'scored'; readonly call: number; readonly nll: readonly number[] }
  | { readonly type: 'adapter_loaded'; readonly call: number }
  | { readonly type: 'adapter_state'; readonly call: number; readonly state: AdapterState }
  | { readonly type: 'stats'; readonly call: number; readonly stats: ServingStats }
  | { readonly type: 'failed'; readonly call: number; readonly error: WireError }
  /** The model could not be loaded; the worker ends. */
  | { readonly type: 'start_failed'; readonly error: WireError };
