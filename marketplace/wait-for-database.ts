// Repeats database work while the database is away (a restart takes 1-4 s), with growing pauses, for a limited time.
// Used by the steps of a paid call. The work must be idempotent: a commit whose answer was lost may have happened.
// Not covered: faults that waiting cannot heal are thrown at once.
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseFault } from '../db/errors.ts';
import type { MarketplaceContext } from './marketplace-context.ts';

const FIRST_PAUSE_MS = 50;
const PAUSE_MS_MAX = 1_000;

/** True for faults of the database's absence, as opposed to bugs and refusals. */
export function isDatabaseAway(fault: unknown): fault is DatabaseFault {
  return fault instanceof DatabaseFault && fault.retry !== 'never';
}

/**
 * Runs `work`; while the database is away, again and again until `settings.databaseWaitMs` have passed.
 * @throws the last DatabaseFault when the time is over, and every other fault at once
 */
export async function waitForDatabase<T>(
  { settings, stopping }: Pick<MarketplaceContext, 'settings' | 'stopping'>,
  work: () => Promise<T>,
): Promise<T> {
  const until = performance.now() + settings.databaseWaitMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    try {
      return await work();
    } catch (fault) {
      if (!isDatabaseAway(fault) || stopping.aborted || performance.now() + pauseMs > until) throw fault;
      await sleep(pauseMs);
    }
  }
}
