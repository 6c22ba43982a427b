/**
 * Void: ends a hold without a price; everything returns to where it came from. Used when a call failed before its first
 * token. `expireHolds` does the same for holds whose time is over (a job calls it); a capture that comes later is refused.
 */
import { type Database, type Tx, transact } from '../database.ts';
import type { TransferKind } from '../schema.ts';
import { type Nano, ZERO_NANO } from './amount.ts';
import { type IdempotencyConflict, once } from './intent.ts';
import { endHold, type HoldNotOpen, lockOpenHold, releaseOf } from './settle-hold.ts';

interface VoidIntent {
  readonly key: string;
  readonly holdId: string;
  /** For the record, e.g. an error code. */
  readonly reason: string;
}

type VoidResult =
  | {
      readonly ok: true;
      readonly holdId: string;
      readonly releasedGrantNano: Nano;
      readonly releasedBalanceNano: Nano;
    }
  | IdempotencyConflict
  | HoldNotOpen;

export async function voidHold(tx: Tx, { key, holdId, reason }: VoidIntent): Promise<VoidResult> {
  return release(tx, { key, kind: 'void', holdId, reason });
}

interface ExpiredHold {
  readonly holdId: string;
  readonly callId: string;
  readonly ownerId: string;
}

/** Gives back every open hold that expired before `now`, each in its own transaction; holds being settled are left alone. */
export async function expireHolds(db: Database, now: Date): Promise<readonly ExpiredHold[]> {
  const due = await db
    .selectFrom('hold')
    .select(['id as holdId', 'callId', 'ownerId'])
    .where('state', '=', 'open')
    .where('expiresAt', '<=', now)
    .orderBy('expiresAt')
    .execute();
  const expired: ExpiredHold[] = [];
  for (const row of due) {
    const intent = {
      key: `expire:${row.holdId}`,
      kind: 'expire',
      holdId: row.holdId,
      reason: 'expired',
    } as const;
    const result = await transact(db, (tx) => release(tx, intent));
    if (result.ok) expired.push(row);
  }
  return expired;
}

async function release(
  tx: Tx,
  { key, kind, holdId, reason }: VoidIntent & { readonly kind: Extract<TransferKind, 'void' | 'expire'> },
): Promise<VoidResult> {
  return once(tx, { key, kind, request: { holdId } }, async () => {
    const found = await lockOpenHold(tx, holdId);
    if (!found.ok) return found;
    const { toGrantNano, toBalanceNano, legs } = releaseOf(found.hold, ZERO_NANO);
    return {
      posting: {
        legs,
        callId: found.hold.callId,
        result: {
          ok: true,
          holdId,
          releasedGrantNano: toGrantNano,
          releasedBalanceNano: toBalanceNano,
        } as const,
      },
      after: (settleTransferId: bigint) =>
        endHold(tx, holdId, { state: kind === 'void' ? 'voided' : 'expired', reason, settleTransferId }),
    };
  });
}
