// The one error class of the engine. Every fault that leaves engine/ is an EngineError with a code and a retry rule.
// Used by: all of engine/, and by callers that turn codes into words. Knows no people, no money, no platform.
// Faults only: expected outcomes are returned values, broken invariants are assertions.

/** Whether doing the same thing again may help: never, safely at once, or only after a wait. */
export type Retry = 'never' | 'safe' | 'after';

interface EngineErrorOptions {
  /** lower snake case, stable: callers match on it */
  readonly code: string;
  readonly retry: Retry;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** A fault of the engine. The message carries the facts (file, name, numbers), the code names the kind. */
export class EngineError extends Error {
  readonly code: string;
  readonly retry: Retry;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: EngineErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EngineError';
    this.code = options.code;
    this.retry = options.retry;
    this.retryAfterMs = options.retryAfterMs;
  }
}
