/**
 * Hold: sets an amount aside before a call, from the grant first, then from the balance. The first phase of two; capture.ts
 * or void-hold.ts is the second, and each hold ends exactly once. The hold remembers its sources, so that what is released
 * returns where it came from.
 */
import type { Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import { addNano, type Nano, nano, subtractNano } from './amount.ts';
import { type IdempotencyConflict, lockBalances, once } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';

interface HoldIntent {
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

/** A call has at most one hold; a second one under another key breaks a unique index (a bug). */
export async function hold(tx: Tx, intent: HoldIntent): Promise<HoldResult> {
  const { key, ownerId, amountNano, callId, expiresAt } = intent;
  assertLedger(amountNano >= 0n, `a hold of ${amountNano} nano`);
  // expiresAt is left out of the request: a repetition computes it anew from its own clock
  return once(tx, { key, kind: 'hold', request: { ownerId, amountNano, callId } }, async () => {
    const available = await lockBalances(tx, ownerId, ['user', 'user_grant', 'hold']);
    const availableNano = addNano(available.user, available.user_grant);
    if (availableNano < amountNano)
      return { ok: false, code: 'balance_too_low', neededNano: amountNano, availableNano } as const;
    const grantNano = nano(amountNano < available.user_grant ? amountNano : available.user_grant);
    const balanceNano = subtractNano(amountNano, grantNano);
    const holdId = newId('hold');
    return {
      posting: {
        legs: [
          { kind: 'user_grant', ownerId, amountNano: -grantNano },
          { kind: 'user', ownerId, amountNano: -balanceNano },
          { kind: 'hold', ownerId, amountNano },
        ],
        callId,
        result: { ok: true, holdId, amountNano, grantNano, balanceNano } as const,
      },
      async after(holdTransferId: bigint) {
        await tx
          .insertInto('hold')
          .values({
            id: holdId,
            ownerId,
            callId,
            amountNano,
            grantNano,
            balanceNano,
            expiresAt,
            holdTransferId,
          })
          .execute();
      },
    };
  });
}
