// Proves the books once a night, at the hour of the settings (UTC), and soon after a start that missed it. Used by
// create-marketplace.ts. After a failed proof it looks again every hour, so that payouts go on once the cause is mended.
// One round at a time; a round that fails for want of the database is tried at the next look.
import { newestProof } from '../../db/ledger/books-proof.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isDatabaseAway } from '../wait-for-database.ts';
import { proveBooks } from './prove-books.ts';

const FIRST_LOOK_MS = 5_000;
const LOOK_EVERY_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** True when no proof is newer than the last time the hour struck, or when the newest failed over an hour ago. */
export function isProofDue(
  newest: { readonly at: Date; readonly ok: boolean } | undefined,
  now: Date,
  hourUtc: number,
): boolean {
  if (newest === undefined) return true;
  const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), hourUtc);
  const struck = today <= now.getTime() ? today : today - DAY_MS;
  if (newest.at.getTime() < struck) return true;
  return !newest.ok && now.getTime() - newest.at.getTime() >= HOUR_MS;
}

export function proveBooksRegularly(market: MarketplaceContext): { stop(): Promise<void> } {
  let round: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;
  const look = async (): Promise<void> => {
    if (isProofDue(await newestProof(market.db), market.clock(), market.settings.booksProofHourUtc))
      await proveBooks(market);
  };
  const next = (afterMs: number): void => {
    timer = setTimeout(() => {
      round = look()
        .catch((fault: unknown) => {
          const level = isDatabaseAway(fault) ? 'warn' : 'error';
          market.log[level]({ err: fault }, 'the books could not be proved; trying again');
        })
        .finally(() => {
          if (!market.stopping.aborted) next(LOOK_EVERY_MS);
        });
    }, afterMs);
  };
  next(FIRST_LOOK_MS);
  return {
    async stop() {
      clearTimeout(timer);
      await round;
      clearTimeout(timer);
    },
  };
}
