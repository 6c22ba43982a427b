// Whether the vault stands where our epochs say it does, and how much more it would take. Used by cut-epoch.ts, post-epoch.ts
// and watch-roots.ts. Pure. Amounts of the chain become nano here, rounded down.
// What is pending by the chain's clock may count already by ours; the posting is simulated anyway before it is signed.

import type { VaultState } from '../../contracts/client/chain.ts';
import { NO_ROOT } from '../../contracts/merkle/flat-tree.ts';
import type { Nano } from '../../db/ledger/amount.ts';
import type { Epoch } from '../../db/schema-epoch.ts';
import { nanoOfWei, weiOfNano } from '../wallets/wei.ts';

export type VaultStanding =
  /** The newest standing epoch is the one that counts; another one can be posted. */
  | { readonly state: 'ready' }
  /** It counts from then on. */
  | { readonly state: 'pending'; readonly activeAt: Date }
  | { readonly state: 'paused' }
  /** A root counts, or is about to, that is not ours. */
  | { readonly state: 'foreign'; readonly root: string; readonly expected: string };

/** @param standing the newest epoch that was not vetoed, if it was posted */
export function vaultStanding(vault: VaultState, standing: Epoch | undefined, now: Date): VaultStanding {
  if (vault.paused) return { state: 'paused' };
  const { pending } = vault;
  const [root, totalWei] =
    pending === null ? [vault.activeRoot, vault.activeTotalWei] : [pending.root, pending.totalWei];
  const expected = standing?.claimsRoot ?? NO_ROOT;
  if (root !== expected || totalWei !== weiOfNano(standing?.claimsTotalNano ?? (0n as Nano)))
    return { state: 'foreign', root, expected };
  if (pending !== null && pending.activeAt > now) return { state: 'pending', activeAt: pending.activeAt };
  return { state: 'ready' };
}

/** Deposited since the vault exists: what all claims together may reach. */
export const depositedNano = (vault: VaultState): Nano =>
  nanoOfWei(vault.coinsWei + vault.claimedTotalWei).amountNano;

export const growthCapNano = (vault: VaultState): Nano => nanoOfWei(vault.growthCapWei).amountNano;
