// The faults a chat platform may throw at us, in one shape. Each platform's <name>-errors.ts maps its own codes to this
// class, once; pacing, delivery and the error boundary read only `retry`. It knows no Discord and no Telegram code.

/** 'safe': try again with backoff · 'after': try again once retryAfterMs is over · 'never': trying again cannot help. */
type Retry = 'never' | 'safe' | 'after';

type PlatformFaultCode =
  | 'flood'
  | 'unreachable'
  | 'message_gone'
  | 'line_closed'
  | 'forbidden'
  | 'method_missing'
  | 'bad_request'
  | 'bad_secret'
  | 'stopping';

interface PlatformFaultFacts {
  readonly code: PlatformFaultCode;
  readonly retry: Retry;
  readonly retryAfterMs?: number;
  /** True where the platform may have done it although we saw an error (a lost reply to a send). */
  readonly outcomeUnknown?: boolean;
  readonly cause?: unknown;
}

/** A refused or failed call to a chat platform; the message is for the log, never for people. */
export class PlatformFault extends Error {
  override readonly name = 'PlatformFault';
  readonly code: PlatformFaultCode;
  readonly retry: Retry;
  readonly retryAfterMs: number;
  readonly outcomeUnknown: boolean;

  constructor(message: string, facts: PlatformFaultFacts) {
    super(message, { cause: facts.cause });
    this.code = facts.code;
    this.retry = facts.retry;
    this.retryAfterMs = facts.retryAfterMs ?? 0;
    this.outcomeUnknown = facts.outcomeUnknown ?? false;
  }
}
