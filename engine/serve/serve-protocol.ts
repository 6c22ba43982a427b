// The messages between the serving worker and its client. Used by serve-worker.ts and serve-client.ts only. Small
// plain objects: token ids and numbers, never weights or logits. `call` ties the answers to their question.
// A generate call is answered by start, tokens..., and one of done or failed; every other call by one message.
import type { AdapterRef } from '../engine.ts';
import type { Retry } from '../errors.ts';

export interface ServeWorkerData {
  readonly modelDir: string;
  readonly threads: number;
  /** Cache length in tokens; the model's own limit applies too. */
  readonly contextTokensMax: number;
  /** Requests generated at the same time, step by step in turn. */
  readonly activeMax: number;
  /** Requests waiting for one of those places. */
  readonly queueMax: number;
  readonly adapterBytesMax: number;
}

export interface TokenRequest {
  readonly promptIds: readonly number[];
  readonly adapter?: AdapterRef;
  readonly maxTokens: number;
  readonly stopIds: readonly number[];
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly seed: number;
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
  /** Ends the worker after the step under way. */
  | { readonly type: 'close' }
  /** Throws an error that nobody catches; for tests of what happens then. */
  | { readonly type: 'crash' };

export type DoneReason = 'stop' | 'length' | 'cancelled';

/** What one generate call reports, in order. */
export type TokenEvent =
  | { readonly type: 'start'; readonly promptTokens: number }
  | { readonly type: 'token'; readonly id: number }
  | { readonly type: 'done'; readonly reason: DoneReason };

/** An EngineError on its way between threads. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly retry: Retry;
  readonly retryAfterMs?: number;
}

export type FromWorker =
  | { readonly type: 'ready'; readonly contextTokens: number }
  | { readonly type: 'event'; readonly call: number; readonly event: TokenEvent }
  /** nats per token after the first */
  | { readonly type: 'scored'; readonly call: number; readonly nll: readonly number[] }
  | { readonly type: 'adapter_loaded'; readonly call: number }
  | { readonly type: 'failed'; readonly call: number; readonly error: WireError }
  /** The model could not be loaded; the worker ends. */
  | { readonly type: 'start_failed'; readonly error: WireError };
