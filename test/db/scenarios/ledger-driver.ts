// Asks the ledger's verbs for what a scenario draws: in a transaction of the caller's, as one statement, or in a micro-batch.
// Used by ledger-scenario.ts. What a lost connection or a conflict left undecided is asked again under the same key until it
// is answered, as callers do.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Database, transact } from '../../../db/database.ts';
import { DatabaseFault } from '../../../db/errors.ts';
import { nano } from '../../../db/ledger/amount.ts';
import { capture } from '../../../db/ledger/capture.ts';
import { claim } from '../../../db/ledger/claim.ts';
import { correction } from '../../../db/ledger/correction.ts';
import { deposit } from '../../../db/ledger/deposit.ts';
import { hold } from '../../../db/ledger/hold.ts';
import { createLedgerBatcher, type LedgerBatcher } from '../../../db/ledger/ledger-batcher.ts';
import { payout } from '../../../db/ledger/payout.ts';
import { refund } from '../../../db/ledger/refund.ts';
import { splitPool } from '../../../db/ledger/split-pool.ts';
import { grantStarter, transfer } from '../../../db/ledger/transfer.ts';
import { expireHolds, voidHold } from '../../../db/ledger/void-hold.ts';
import type { Answer, Operation } from './ledger-oracle.ts';
import type { Request } from './scenario-arbitrary.ts';

const MINUTE_MS = 60_000;

/**
 * @param beginning when the scenario begins, in ms; holds end minutes after it
 * @param retried called for each try that was lost
 */
export function createLedgerDriver(db: Database, beginning: number, retried: () => void) {
  const batcher = createLedgerBatcher(db);
  /** Asks again under the same key while the connection is lost or another was in the way. */
  async function insist<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (fault) {
        if (!(fault instanceof DatabaseFault) || fault.retry === 'never') throw fault;
        retried();
        await sleep(1);
      }
    }
  }
  return {
    ask: (request: Request): Promise<Answer> =>
      insist(async () => {
        if (request.verb === 'expire') {
          await expireHolds(db, new Date(beginning + request.minutes * MINUTE_MS));
          return { ok: true };
        }
        if (request.verb === 'rollUp') {
          await sql`select ledger_roll_up()`.execute(db);
          return { ok: true };
        }
        const { operation, by } = request;
        const batched = by === 'batch' ? performBatched(batcher, operation, beginning) : undefined;
        const { granted: _, ...answer } = (
          batched
            ? await batched
            : by === 'transaction' || !STATEMENTS.has(operation.verb)
              ? await transact(db, (tx) => perform(tx, operation, beginning))
              : await perform(db, operation, beginning)
        ) as Answer;
        return answer as Answer;
      }),
  };
}

/** Verbs that are one statement, so that they need no transaction of the caller's. */
const STATEMENTS: ReadonlySet<Operation['verb']> = new Set([
  'hold',
  'capture',
  'void',
  'split',
  'transfer',
  'correction',
]);

/** The verbs that post in micro-batches; undefined = this one has none. */
function performBatched(
  batcher: LedgerBatcher,
  operation: Operation,
  beginning: number,
): Promise<object> | undefined {
  const input = operation as never;
  switch (operation.verb) {
    case 'hold': {
      const { key, ownerId, callId, expires } = operation;
      const expiresAt = new Date(beginning + expires * MINUTE_MS);
      return batcher.hold({ key, ownerId, callId, expiresAt, amountNano: nano(operation.amountNano) });
    }
    case 'capture':
      return batcher.capture(input);
    case 'void':
      return batcher.voidHold({ key: operation.key, holdId: operation.holdId, reason: 'a scenario' });
    case 'split':
      return batcher.splitPool(input);
    default:
      return undefined;
  }
}

/** The product's verb for a request. */
function perform(db: Database, operation: Operation, beginning: number): Promise<object> {
  const tx = db as Parameters<typeof payout>[0];
  const { key } = operation;
  const reason = 'a scenario';
  const input = operation as never;
  switch (operation.verb) {
    case 'starter':
      return grantStarter(tx, input);
    case 'deposit':
      return deposit(tx, { ...(input as Parameters<typeof deposit>[1]), reason });
    case 'transfer':
      return transfer(tx, { ...(input as Parameters<typeof transfer>[1]), reason });
    case 'correction':
      return correction(tx, { ...(input as Parameters<typeof correction>[1]), reason });
    case 'hold': {
      const { ownerId, callId, expires } = operation;
      const expiresAt = new Date(beginning + expires * MINUTE_MS);
      return hold(tx, { key, ownerId, callId, expiresAt, amountNano: nano(operation.amountNano) });
    }
    case 'capture':
      return capture(tx, input);
    case 'void':
      return voidHold(tx, { key, holdId: operation.holdId, reason });
    case 'split':
      return splitPool(tx, input);
    case 'refund':
      return refund(tx, { ...(input as Parameters<typeof refund>[1]), reason });
    case 'payout':
      return payout(tx, input);
    case 'claim':
      return claim(tx, { ...(input as Parameters<typeof claim>[1]), reason });
    case 'expired':
      throw new Error('an expiry is asked for by time');
  }
}
