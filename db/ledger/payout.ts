/**
 * Payout: what a person earned, or takes out of the balance, becomes claimable by that person's wallet. Used by the epoch job
 * and by a withdrawal. At most what is there at the moment of the posting: `'all'` takes all of a source, a figure that is
 * not there is refused. Several sources make one transfer. Whether the vault's coins cover it is the caller's question.
 */
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { AccountKind } from '../schema.ts';
import type { Nano } from './amount.ts';
import { type IdempotencyConflict, requestHash } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';
import { type Answer, textArray, untilDecided } from './ledger-call.ts';

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

export async function payout(db: Database, { key, wallet, sources }: PayoutIntent): Promise<PayoutResult> {
  assertLedger(
    sources.every(({ amountNano }) => amountNano === 'all' || amountNano > 0n),
    `payout ${key} has a source of no amount`,
  );
  const accounts = new Set(sources.map(({ kind, ownerId }) => `${kind} ${ownerId}`));
  assertLedger(accounts.size === sources.length, `payout ${key} names an account twice`);
  const request = { wallet, sources: sources.map((source) => ({ ...source })) };
  const hash = requestHash({ kind: 'payout', request });
  const kinds = sources.map(({ kind }) => kind);
  const owners = sources.map(({ ownerId }) => ownerId);
  const amounts = sources.map(({ amountNano }) => (amountNano === 'all' ? 'NULL' : String(amountNano)));
  return untilDecided(key, async () => {
    const { rows } = await sql<Answer>`select code, result from ledger_payout(${key}, ${hash}, ${wallet},
      ${textArray(kinds)}::text[], ${textArray(owners)}::text[], ${`{${amounts.join(',')}}`}::bigint[])`.execute(
      db,
    );
    return rows[0];
  });
}
