/**
 * Split: empties the data pool of a captured call into the accounts of those who made the answer, once attribution knows them.
 * The shares sum to the pool exactly (asserted), so nothing stays behind; a pool is split once.
 */
import type { Tx } from '../database.ts';
import type { AccountKind } from '../schema.ts';
import { addNano, type Nano } from './amount.ts';
import { type IdempotencyConflict, lockBalances, once } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';

interface PoolShare {
  readonly ownerId: string;
  readonly amountNano: Nano;
  /** Default `contributor`. */
  readonly kind?: Extract<AccountKind, 'contributor' | 'dust' | 'platform'>;
}

interface SplitIntent {
  readonly key: string;
  readonly callId: string;
  /** The same person may stand in several shares; they are added up. */
  readonly shares: readonly PoolShare[];
}

type SplitResult =
  | { readonly ok: true; readonly callId: string; readonly poolNano: Nano }
  | IdempotencyConflict
  | { readonly ok: false; readonly code: 'pool_empty' };

export async function splitPool(tx: Tx, { key, callId, shares }: SplitIntent): Promise<SplitResult> {
  assertLedger(
    shares.every((share) => share.amountNano >= 0n),
    `split ${key} has a negative share`,
  );
  const sum = addNano(...shares.map((share) => share.amountNano));
  const legs = shares.map(({ ownerId, amountNano, kind = 'contributor' }) => ({ kind, ownerId, amountNano }));
  return once(tx, { key, kind: 'split', request: { callId, legs } }, async () => {
    const { call_pool: poolNano } = await lockBalances(tx, callId, ['call_pool']);
    if (poolNano === 0n) return { ok: false, code: 'pool_empty' } as const;
    assertLedger(sum === poolNano, `shares of split ${key} sum to ${sum} nano, the pool holds ${poolNano}`);
    return {
      posting: {
        legs: [{ kind: 'call_pool', ownerId: callId, amountNano: -poolNano }, ...legs],
        callId,
        result: { ok: true, callId, poolNano } as const,
      },
    };
  });
}
