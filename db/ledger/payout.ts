/**
 * Payout: what a person earned, or takes out of the balance, becomes claimable by that person's wallet. Used by the epoch job
 * and by a withdrawal. At most what is there at the moment of the posting: `'all'` takes all of a source, a figure that is
 * not there is refused. Several sources make one transfer. Whether the vault's coins cover it is the caller's question.
 */
import type { Tx } from '../database.ts';
import type { AccountKind } from '../schema.ts';
import { addNano, type Nano } from './amount.ts';
import { type IdempotencyConflict, lockBalances, once } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';

interface PayoutSource {
  readonly kind: Extract<AccountKind, 'contributor' | 'creator' | 'node' | 'platform' | 'user'>;
  readonly ownerId: string;
  /** > 0, or all that is there. */
  readonly amountNano: Nano | 'all';
}

interface PayoutIntent {
  /** E.g. `payout:<epoch>:<person>`. */
  readonly key: string;
  /** Address, 0x and 40 lowercase hex digits. */
  readonly wallet: string;
  /** Each account once. */
  readonly sources: readonly PayoutSource[];
}

type PayoutResult =
  | { readonly ok: true; readonly wallet: string /** > 0 */; readonly paidNano: Nano }
  | IdempotencyConflict
  | { readonly ok: false; readonly code: 'nothing_to_pay_out' }
  | {
      readonly ok: false;
      readonly code: 'balance_too_low';
      readonly neededNano: Nano;
      readonly availableNano: Nano;
    };

export async function payout(tx: Tx, { key, wallet, sources }: PayoutIntent): Promise<PayoutResult> {
  assertLedger(
    sources.every(({ amountNano }) => amountNano === 'all' || amountNano > 0n),
    `payout ${key} has a source of no amount`,
  );
  const accounts = new Set(sources.map(({ kind, ownerId }) => `${kind} ${ownerId}`));
  assertLedger(accounts.size === sources.length, `payout ${key} names an account twice`);
  const request = { wallet, sources: sources.map((source) => ({ ...source })) };
  return once(tx, { key, kind: 'payout', request }, async () => {
    const legs: {
      readonly kind: PayoutSource['kind'];
      readonly ownerId: string;
      readonly amountNano: bigint;
    }[] = [];
    for (const { kind, ownerId, amountNano } of sources) {
      const { [kind]: availableNano } = await lockBalances(tx, ownerId, [kind]);
      const taken = amountNano === 'all' ? availableNano : amountNano;
      if (taken > availableNano)
        return { ok: false, code: 'balance_too_low', neededNano: taken, availableNano } as const;
      legs.push({ kind, ownerId, amountNano: -taken });
    }
    const paidNano = addNano(...legs.map(({ amountNano }) => -amountNano as Nano));
    if (paidNano === 0n) return { ok: false, code: 'nothing_to_pay_out' } as const;
    return {
      posting: {
        legs: [...legs, { kind: 'claimable', ownerId: wallet, amountNano: paidNano }],
        result: { ok: true, wallet, paidNano } as const,
      },
    };
  });
}
