// The messages between the attribution worker and its client. Used by attribute-worker.ts and attribute-client.ts only.
// Small plain objects; texts go in, shares come out. `call` ties an answer to its question.
import type { AttributePartsRequest, AttributeRequest, PartShares, SampleShares } from '../engine.ts';
import { EngineError, type Retry } from '../errors.ts';

export interface AttributeWorkerData {
  readonly modelDir: string;
  readonly threads: number;
  /** Memory for loaded stores; the one in use always stays. */
  readonly storeBytesMax: number;
}

export type ToAttributeWorker =
  | { readonly type: 'attribute'; readonly call: number; readonly request: AttributeRequest }
  | { readonly type: 'attributeParts'; readonly call: number; readonly request: AttributePartsRequest }
  /** Ends the worker after the call under way. */
  | { readonly type: 'close' }
  /** Throws an error that nobody catches; for tests of what happens then. */
  | { readonly type: 'crash' };

export interface AttributeFault {
  readonly code: string;
  readonly message: string;
  readonly retry: Retry;
}

export type FromAttributeWorker =
  | { readonly type: 'shares'; readonly call: number; readonly shares: SampleShares }
  | { readonly type: 'parts'; readonly call: number; readonly parts: readonly PartShares[] }
  | { readonly type: 'failed'; readonly call: number; readonly fault: AttributeFault };

/** An error as plain data, to cross a thread or a process. */
export function faultOf(error: unknown): AttributeFault {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof EngineError)) return { code: 'attribution_failed', message, retry: 'safe' };
  return { code: error.code, message, retry: error.retry };
}

export function errorOf({ message, code, retry }: AttributeFault): EngineError {
  return new EngineError(message, { code, retry });
}
