// The messages between the span worker and its client. Used by spans-worker.ts and spans-client.ts only. Small plain
// objects: a text goes in, spans come out. `call` ties an answer to its question.
import type { AnswerSpan, FindSpansRequest } from '../../engine.ts';
import type { AttributeFault } from '../attribute-protocol.ts';

export type ToSpansWorker =
  | { readonly type: 'find'; readonly call: number; readonly request: FindSpansRequest }
  /** Closes the indexes and ends the worker. */
  | { readonly type: 'close' }
  /** Throws an error that nobody catches; for tests of what happens then. */
  | { readonly type: 'crash' };

export type FromSpansWorker =
  | { readonly type: 'spans'; readonly call: number; readonly spans: readonly AnswerSpan[] }
  | { readonly type: 'failed'; readonly call: number; readonly fault: AttributeFault };
