/**
 * Refund: gives back part or all of what a call cost, by the operator and with a reason. A new transfer: the capture stays as
 * it was, and who earned by the call keeps it. The marketplace pays, from its own account first, the rest from the treasury.
 * Invariant: over all its refunds a call never gives back more than was captured, nor more of the balance than came from the
 * balance (the database keeps this too: refund_within_capture). The balance returns first, then the grant, as in a release.
 */
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { Nano } from './amount.ts';
import { type IdempotencyConflict, requestHash } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';
import { type Answer, untilDecided } from './ledger-call.ts';

interface RefundIntent {
  /** One per decision, e.g. `refund:<inbound event>`. */
  readonly key: string;
  readonly callId: string;
  /** > 0, or all that has not been given back yet. */
  readonly amountNano: Nano | 'all';
  /** Shown in the history. */
  readonly reason: string;
}

type RefundResult =
  | {
      readonly ok: true;
      readonly callId: string;
      readonly ownerId: string;
      readonly refundedNano: Nano;
      readonly toGrantNano: Nano;
      readonly toBalanceNano: Nano;
      readonly fromPlatformNano: Nano;
      readonly fromTreasuryNano: Nano;
    }
  | IdempotencyConflict
  | { readonly ok: false; readonly code: 'call_not_captured' }
  /** `refundableNano` is 0 when all has been given back, or the call was free. */
  | { readonly ok: false; readonly code: 'refund_above_capture'; readonly refundableNano: Nano };

export async function refund(
  db: Database,
  { key, callId, amountNano, reason }: RefundIntent,
): Promise<RefundResult> {
  assertLedger(amountNano === 'all' || amountNano > 0n, `a refund of ${amountNano} nano`);
  const hash = requestHash({ kind: 'refund', request: { callId, amountNano } });
  const wanted = amountNano === 'all' ? null : amountNano;
  return untilDecided(key, async () => {
    const { rows } = await sql<Answer>`select code, result
      from ledger_refund(${key}, ${hash}, ${callId}, ${wanted}, ${reason})`.execute(db);
    return rows[0];
  });
}
