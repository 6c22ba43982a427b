/**
 * Claim: coins left the vault to a wallet, by the contract, on the strength of a claims root. Used by whoever watches the
 * chain, once a log is final: the world has moved already, so this only writes it down. What is claimed was paid out before;
 * a claim beyond that means that chain and books disagree, and is refused for an operator to see.
 */
import type { Tx } from '../database.ts';
import type { Nano } from './amount.ts';
import { type IdempotencyConflict, lockBalances, once } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';
import { VAULT } from './transfer.ts';

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

export async function claim(tx: Tx, { key, wallet, amountNano, reason }: ClaimIntent): Promise<ClaimResult> {
  assertLedger(amountNano > 0n, `a claim of ${amountNano} nano`);
  return once(tx, { key, kind: 'claim', request: { wallet, amountNano } }, async () => {
    const { claimable } = await lockBalances(tx, wallet, ['claimable']);
    if (claimable < amountNano)
      return { ok: false, code: 'claim_above_claimable', claimableNano: claimable } as const;
    return {
      posting: {
        legs: [
          { kind: 'claimable', ownerId: wallet, amountNano: -amountNano },
          { ...VAULT, amountNano },
        ],
        reason,
        result: { ok: true, amountNano } as const,
      },
    };
  });
}
