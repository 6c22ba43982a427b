// Settles what a dead process or a lost database left behind: a call that is not captured and that nobody works on is
// voided, its hold given back. Used by create-marketplace.ts at start and every few seconds. Idempotent.
// Never touches a call this process works on (live-calls.ts); one marketplace process serves one database, which
// db/process-lock.ts keeps. Were there two for a moment, a call would still end once: by its row, under its lock.
import { transact } from '../db/database.ts';
import { expireHolds } from '../db/ledger/void-hold.ts';
import { unattributedCalls, unsettledCalls } from '../db/repositories/call-repository.ts';
import { ensureSalts } from './attribution/audits/draw-call.ts';
import { enqueueMissingJobs } from './jobs/enqueue-missing-jobs.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { voidCall } from './settle-call.ts';
import { isDatabaseAway } from './wait-for-database.ts';

export interface Reconciled {
  readonly voided: number;
  readonly expiredHolds: number;
  readonly jobsAdded: number;
}

/** Calls of any age: those of this process are known to be live. */
const ALL = new Date('9999-01-01T00:00:00Z');

/** One round. @throws DatabaseFault when the database is away (the next round tries again) */
export async function reconcile(market: MarketplaceContext): Promise<Reconciled> {
  let voided = 0;
  for (const call of await unsettledCalls(market.db, ALL)) {
    if (market.live.has(call.id)) continue;
    if ((await voidCall(market, call.id, 'interrupted')) === 'voided') voided += 1;
  }
  const expired = await expireHolds(market.db, market.clock());
  await ensureSalts(market.db, market.clock());
  const waiting = await unattributedCalls(market.db, 100);
  const jobsAdded = await transact(market.db, (tx) => enqueueMissingJobs(tx, waiting, market.settings));
  if (voided > 0 || expired.length > 0 || jobsAdded > 0) {
    market.log.info({ voided, expiredHolds: expired.length, jobsAdded }, 'reconciled');
  }
  return { voided, expiredHolds: expired.length, jobsAdded };
}

/** Reconciles every `reconcileEveryMs` until the marketplace stops; a round that fails is tried again. */
export function reconcileRegularly(market: MarketplaceContext): { stop(): Promise<void> } {
  let round: Promise<void> = Promise.resolve();
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    round = reconcile(market)
      .then(() => undefined)
      .catch((fault: unknown) => {
        const away = isDatabaseAway(fault);
        market.log[away ? 'warn' : 'error']({ err: fault }, 'a round of the reconciler failed');
      })
      .finally(() => {
        running = false;
      });
  }, market.settings.reconcileEveryMs);
  return {
    async stop() {
      clearInterval(timer);
      await round;
    },
  };
}
