// Doing something again after a transient fault: waits of 1, 2, 4, 8, 16 s, or as long as the hub asks.
// Used by hub-repo.ts and download-file.ts. Knows no network: an EngineError's `retry` says whether again may help.

import { setTimeout as delay } from 'node:timers/promises';
import { EngineError } from '../errors.ts';

export interface RetryNews {
  readonly message: string;
  readonly waitMs: number;
  /** 1 = the first time that it is tried again */
  readonly attempt: number;
}

export interface RetryRule {
  readonly signal?: AbortSignal;
  /** Faults that are not tried again here, whatever their retry rule says. */
  readonly finalCodes?: ReadonlySet<string>;
  readonly onRetry?: (news: RetryNews) => void;
  /** Tests pass their own clock. */
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

const attemptsMax = 5;
const firstWaitMs = 1000;
/** Who asks for more than this gets a message instead of a program that seems to hang. */
const waitMaxMs = 310_000;

/**
 * Runs `action` until it succeeds, fails for good, or has failed five times in a row without `progress()` growing.
 * @param progress anything that grows when an attempt got somewhere, such as bytes on disk
 */
export async function withRetries<T>(
  action: () => Promise<T>,
  rule: RetryRule,
  progress: () => number = () => 0,
): Promise<T> {
  let failures = 0;
  let reached = progress();
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof EngineError) || error.retry === 'never' || rule.signal?.aborted) throw error;
      if (rule.finalCodes?.has(error.code)) throw error;
      if (progress() > reached) failures = 0;
      reached = progress();
      const waitMs = error.retryAfterMs ?? firstWaitMs * 2 ** failures;
      failures += 1;
      if (failures > attemptsMax || waitMs > waitMaxMs) throw error;
      rule.onRetry?.({ message: error.message, waitMs, attempt: failures });
      await (rule.wait ?? waitFor)(waitMs, rule.signal);
    }
  }
}

async function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, { signal });
}
