/**
 * Split: empties the data pool of a captured call into the accounts of those who made the answer, once attribution knows them.
 * The shares sum to the pool exactly (asserted), so nothing stays behind; a pool is split once.
 */
import type { Database } from '../database.ts';
import type { AccountKind } from '../schema.ts';
import { addNano, type Nano } from './amount.ts';
import type { IdempotencyConflict } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';
import { type LedgerVerb, legColumns, post } from './ledger-call.ts';

interface PoolShare {
  readonly ownerId: string;
  readonly amountNano: Nano;
  /** Default `contributor`. */
  readonly kind?: Extract<AccountKind, 'contributor' | 'dust' | 'platform'>;
}

export interface SplitIntent {
  readonly key: string;
  readonly callId: string;
  /** The same person may stand in several shares; they are added up. */
  readonly shares: readonly PoolShare[];
}

export type SplitResult =
  | { readonly ok: true; readonly callId: string; readonly poolNano: Nano }
  | IdempotencyConflict
  | { readonly ok: false; readonly code: 'pool_empty' };

export const splitVerb: LedgerVerb<SplitIntent, SplitResult> = {
  function: 'ledger_split',
  request: ({ callId, shares }) => ({ kind: 'split', request: { callId, legs: legsOf(shares) } }),
  columns(intents) {
    for (const { key, shares } of intents)
      assertLedger(
        shares.every((share) => share.amountNano >= 0n),
        `split ${key} has a negative share`,
      );
    return [
      { type: 'text', values: intents.map(({ callId }) => callId) },
      ...legColumns(intents.map(({ shares }) => legsOf(shares))),
    ];
  },
  bug({ key, shares }, code, figures) {
    if (code !== 'off_pool') return undefined;
    const sum = addNano(...shares.map((share) => share.amountNano));
    return `shares of split ${key} sum to ${sum} nano, the pool holds ${figures.poolNano}`;
  },
};

/** @throws LedgerBug when the shares do not sum to the pool; nothing is posted then */
export async function splitPool(db: Database, intent: SplitIntent): Promise<SplitResult> {
  return post(db, splitVerb, intent);
}

function legsOf(shares: readonly PoolShare[]) {
  return shares.map(
    ({ ownerId, amountNano, kind = 'contributor' }) => ({ kind, ownerId, amountNano }) as const,
  );
}
