/**
 * Hold: sets an amount aside before a call, from the grant first, then from the balance. The first phase of two; capture.ts
 * or void-hold.ts is the second, and each hold ends exactly once. The hold remembers its sources, so that what is released
 * returns where it came from.
 */
import type { Database } from '../database.ts';
import { newId } from '../new-id.ts';
import type { Nano } from './amount.ts';
import type { IdempotencyConflict } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';
import { type LedgerVerb, post } from './ledger-call.ts';

export interface HoldIntent {
  /** One per intent, e.g. `hold:<event key>`. */
  readonly key: string;
  /** Person whose grant and balance pay. */
  readonly ownerId: string;
  /** ≥ 0; zero makes an empty hold, so that free calls take the same path. */
  readonly amountNano: Nano;
  readonly callId: string;
  /** When `expireHolds` may give the amount back. */
  readonly expiresAt: Date;
}

export type HoldResult =
  | {
      readonly ok: true;
      readonly holdId: string;
      readonly amountNano: Nano;
      readonly grantNano: Nano;
      readonly balanceNano: Nano;
    }
  | IdempotencyConflict
  | {
      readonly ok: false;
      readonly code: 'balance_too_low';
      readonly neededNano: Nano;
      readonly availableNano: Nano;
    };

export const holdVerb: LedgerVerb<HoldIntent, HoldResult> = {
  function: 'ledger_hold',
  // expiresAt is left out of the request: a repetition computes it anew from its own clock
  request: ({ ownerId, amountNano, callId }) => ({ kind: 'hold', request: { ownerId, amountNano, callId } }),
  columns(intents) {
    for (const { key, amountNano } of intents)
      assertLedger(amountNano >= 0n, `hold ${key} of ${amountNano} nano`);
    return [
      { type: 'text', values: intents.map(({ ownerId }) => ownerId) },
      { type: 'bigint', values: intents.map(({ amountNano }) => amountNano) },
      { type: 'text', values: intents.map(({ callId }) => callId) },
      { type: 'text', values: intents.map(() => newId('hold')) },
      { type: 'timestamptz', values: intents.map(({ expiresAt }) => expiresAt.toISOString()) },
    ];
  },
};

/** A call has at most one hold; a second one under another key breaks a unique index (a bug). */
export async function hold(db: Database, intent: HoldIntent): Promise<HoldResult> {
  return post(db, holdVerb, intent);
}
