/**
 * Claim: coins left the vault to a wallet, by the contract, on the strength of a claims root. Used by whoever watches the
 * chain, once a log is final: the world has moved already, so this only writes it down. What is claimed was paid out before;
 * a claim beyond that means that chain and books disagree, and is refused for an operator to see.
 */
import type { Database } from '../database.ts';
import type { Nano } from './amount.ts';
import type { IdempotencyConflict } from './intent.ts';
import { untilDecided } from './ledger-call.ts';
import { askTransfer, type TransferResult, VAULT } from './transfer.ts';

interface ClaimIntent {
  /** E.g. `claim:<chain>:<transaction>:<log index>`. */
  readonly key: string;
  /** Address, 0x and 40 lowercase hex digits. */
  readonly wallet: string;
  /** > 0; what this claim brought, not the cumulative amount. */
  readonly amountNano: Nano;
  /** Shown in the history, e.g. the transaction's hash. */
  readonly reason: string;
}

type ClaimResult =
  | { readonly ok: true; readonly amountNano: Nano }
  | IdempotencyConflict
  | { readonly ok: false; readonly code: 'claim_above_claimable'; readonly claimableNano: Nano };

export async function claim(
  db: Database,
  { key, wallet, amountNano, reason }: ClaimIntent,
): Promise<ClaimResult> {
  const from = { kind: 'claimable', ownerId: wallet } as const;
  const request = { wallet, amountNano };
  const result = await untilDecided<TransferResult>(key, () =>
    askTransfer(db, { key, kind: 'claim', from, to: VAULT, amountNano, reason, request }),
  );
  if (result.ok || result.code !== 'balance_too_low') return result;
  return { ok: false, code: 'claim_above_claimable', claimableNano: result.availableNano };
}
