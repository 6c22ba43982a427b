/**
 * Void: ends a hold without a price; everything returns to where it came from. Used when a call failed before its first
 * token. `expireHolds` does the same for holds whose time is over (a job calls it); a capture that comes later is refused.
 */
import { type Database, transact } from '../database.ts';
import type { HoldState } from '../schema.ts';
import type { Nano } from './amount.ts';
import type { IdempotencyConflict } from './intent.ts';
import { type LedgerVerb, post, postAll } from './ledger-call.ts';

export type HoldNotOpen =
  | { readonly ok: false; readonly code: 'hold_not_found' }
  | { readonly ok: false; readonly code: 'hold_already_settled'; readonly state: Exclude<HoldState, 'open'> };

export interface VoidIntent {
  readonly key: string;
  readonly holdId: string;
  /** For the record, e.g. an error code. */
  readonly reason: string;
}

export type VoidResult =
  | {
      readonly ok: true;
      readonly holdId: string;
      readonly releasedGrantNano: Nano;
      readonly releasedBalanceNano: Nano;
    }
  | IdempotencyConflict
  | HoldNotOpen;

export const voidVerb = releaseVerb('void');
const expireVerb = releaseVerb('expire');

export async function voidHold(db: Database, intent: VoidIntent): Promise<VoidResult> {
  return post(db, voidVerb, intent);
}

interface ExpiredHold {
  readonly holdId: string;
  readonly callId: string;
  readonly ownerId: string;
}

/** Holds that are given back in one transaction. */
const EXPIRED_AT_ONCE = 500;

/** Gives back every open hold that expired before `now`; those that are settled meanwhile are left alone. */
export async function expireHolds(db: Database, now: Date): Promise<readonly ExpiredHold[]> {
  const due = await db
    .selectFrom('hold')
    .select(['id as holdId', 'callId', 'ownerId'])
    .where('state', '=', 'open')
    .where('expiresAt', '<=', now)
    .orderBy('expiresAt')
    .execute();
  const expired: ExpiredHold[] = [];
  for (let start = 0; start < due.length; start += EXPIRED_AT_ONCE) {
    const some = due.slice(start, start + EXPIRED_AT_ONCE);
    const intents = some.map(({ holdId }) => ({ key: `expire:${holdId}`, holdId, reason: 'expired' }));
    const results = await transact(db, (tx) => postAll(tx, expireVerb, intents));
    expired.push(...some.filter((_, index) => results[index].ok));
  }
  return expired;
}

function releaseVerb(kind: 'void' | 'expire'): LedgerVerb<VoidIntent, VoidResult> {
  return {
    function: 'ledger_release',
    request: ({ holdId }) => ({ kind, request: { holdId } }),
    columns: (intents) => [
      { type: 'text', values: intents.map(() => kind) },
      { type: 'text', values: intents.map(({ holdId }) => holdId) },
      { type: 'text', values: intents.map(({ reason }) => reason) },
    ],
  };
}
