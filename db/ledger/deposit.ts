/**
 * Deposit: coins that arrived in the vault become somebody's balance, or the treasury's. Used by whoever watches the chain,
 * once a log is final. The vault's account mirrors the coins with the opposite sign: it goes down when they come in.
 * Invariant: one key per log (chain, transaction, log index), so a log that is seen twice is credited once.
 */
import type { Database } from '../database.ts';
import type { Nano } from './amount.ts';
import type { IdempotencyConflict } from './intent.ts';
import { untilDecided } from './ledger-call.ts';
import { askTransfer, VAULT } from './transfer.ts';

interface DepositIntent {
  /** E.g. `deposit:<chain>:<transaction>:<log index>`. */
  readonly key: string;
  /** A person, `wallet:<address>` for one whom nobody knows yet, or TREASURY. */
  readonly to: { readonly kind: 'user' | 'treasury'; readonly ownerId: string };
  /** > 0 */
  readonly amountNano: Nano;
  /** Shown in the history, e.g. the transaction's hash. */
  readonly reason: string;
}

type Deposited = { readonly ok: true; readonly amountNano: Nano };
type DepositResult = Deposited | IdempotencyConflict;

export async function deposit(
  db: Database,
  { key, to, amountNano, reason }: DepositIntent,
): Promise<DepositResult> {
  const request = { to: { ...to }, amountNano };
  return untilDecided(key, () =>
    askTransfer(db, { key, kind: 'deposit', from: VAULT, to, amountNano, reason, request }),
  );
}
