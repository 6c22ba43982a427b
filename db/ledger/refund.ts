/**
 * Refund: gives back part or all of what a call cost, by the operator and with a reason. A new transfer: the capture stays as
 * it was, and who earned by the call keeps it. The marketplace pays, from its own account first, the rest from the treasury.
 * Invariant: over all its refunds a call never gives back more than was captured, nor more of the balance than came from the
 * balance (the database keeps this too: refund_within_capture). The balance returns first, then the grant, as in a release.
 */
import { sql } from 'kysely';
import type { Tx } from '../database.ts';
import type { Hold } from '../schema.ts';
import { addNano, type Nano, nano, subtractNano } from './amount.ts';
import { type IdempotencyConflict, lockBalances, once } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';
import { PLATFORM, TREASURY } from './transfer.ts';

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
  tx: Tx,
  { key, callId, amountNano, reason }: RefundIntent,
): Promise<RefundResult> {
  assertLedger(amountNano === 'all' || amountNano > 0n, `a refund of ${amountNano} nano`);
  return once(tx, { key, kind: 'refund', request: { callId, amountNano } }, async () => {
    const paid = await lockPaidCall(tx, callId);
    if (!paid) return { ok: false, code: 'call_not_captured' } as const;
    const refundableNano = addNano(paid.balanceNano, paid.grantNano);
    const refundedNano = amountNano === 'all' ? refundableNano : amountNano;
    if (refundedNano > refundableNano || refundedNano === 0n)
      return { ok: false, code: 'refund_above_capture', refundableNano } as const;
    const toBalanceNano = refundedNano < paid.balanceNano ? refundedNano : paid.balanceNano;
    const toGrantNano = subtractNano(refundedNano, toBalanceNano);
    const { platform } = await lockBalances(tx, PLATFORM.ownerId, ['platform']);
    const fromPlatformNano = platform < refundedNano ? platform : refundedNano;
    const fromTreasuryNano = subtractNano(refundedNano, fromPlatformNano);
    const { ownerId } = paid;
    return {
      posting: {
        legs: [
          { ...PLATFORM, amountNano: -fromPlatformNano },
          { ...TREASURY, amountNano: -fromTreasuryNano },
          { kind: 'user', ownerId, amountNano: toBalanceNano },
          { kind: 'user_grant', ownerId, amountNano: toGrantNano },
        ],
        callId,
        reason,
        result: {
          ok: true,
          callId,
          ownerId,
          refundedNano,
          toGrantNano,
          toBalanceNano,
          fromPlatformNano,
          fromTreasuryNano,
        } as const,
      },
    };
  });
}

interface PaidCall {
  readonly ownerId: string;
  /** What came from the balance and has not been given back. */
  readonly balanceNano: Nano;
  /** The same of the grant. */
  readonly grantNano: Nano;
}

/** Who paid for the call and what of it is left to give back; other refunds of the call wait until this transaction ends. */
async function lockPaidCall(tx: Tx, callId: string): Promise<PaidCall | undefined> {
  const locked = await sql<Hold>`select * from ledger_lock_captured(${callId})`.execute(tx);
  const hold = locked.rows.at(0);
  if (!hold) return undefined;
  const { rows } = await sql<{ kind: string; amountNano: Nano }>`
    select a.kind, sum(e.amount_nano)::bigint as amount_nano
    from transfer t join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
    where t.call_id = ${callId} and t.kind = 'refund' and a.kind in ('user', 'user_grant')
    group by a.kind`.execute(tx);
  const refunded = (kind: string) => rows.find((row) => row.kind === kind)?.amountNano ?? nano(0n);
  const fromGrant = hold.capturedNano < hold.grantNano ? hold.capturedNano : hold.grantNano;
  return {
    ownerId: hold.ownerId,
    grantNano: subtractNano(fromGrant, refunded('user_grant')),
    balanceNano: subtractNano(subtractNano(hold.capturedNano, fromGrant), refunded('user')),
  };
}
