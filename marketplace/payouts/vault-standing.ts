// Whether the vault stands where our epochs say it does, and how much more it would take. Used by settle-epochs.ts and
// pay-out.ts. Pure. Amounts of the chain become nano here, rounded down.
// What is pending by the chain's clock may count already by ours; a posting is simulated anyway before it is signed.
import type { VaultState } from '../../contracts/client/chain.ts';
import { NO_ROOT } from '../../contracts/merkle/flat-tree.ts';
import { addNano, type Nano, subtractNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import type { Epoch } from '../../db/schema-epoch.ts';
import { nanoOfWei, weiOfNano } from '../wallets/wei.ts';

export type VaultStanding =
  /** Our newest root is the one that counts; another epoch can be posted. */
  | { readonly state: 'ready' }
  /** It counts from then on. */
  | { readonly state: 'pending'; readonly activeAt: Date }
  | { readonly state: 'paused' }
  /** The vault has an epoch or a root that is not ours, or a veto that is not final yet. */
  | { readonly state: 'foreign'; readonly difference: string };

/**
 * @param standing our newest epoch that was not vetoed; every epoch of ours is posted
 * @param lastNumber our newest epoch, vetoed ones included; 0 = none
 */
export function vaultStanding(
  vault: VaultState,
  standing: Epoch | undefined,
  lastNumber: number,
  now: Date,
): VaultStanding {
  const { pending, lastEpoch } = vault;
  if (lastEpoch !== BigInt(lastNumber))
    return foreign(`the vault is at epoch ${lastEpoch}, the database at ${lastNumber}`);
  const [root, totalWei] =
    pending === null ? [vault.activeRoot, vault.activeTotalWei] : [pending.root, pending.totalWei];
  const expected = standing?.claimsRoot ?? NO_ROOT;
  const expectedWei = weiOfNano(standing?.claimsTotalNano ?? ZERO_NANO);
  if (root !== expected || totalWei !== expectedWei)
    return foreign(
      `the vault's root ${root} over ${totalWei} wei is not ours, ${expected} over ${expectedWei}`,
    );
  if (vault.paused) return { state: 'paused' };
  if (pending !== null && pending.activeAt > now) return { state: 'pending', activeAt: pending.activeAt };
  return { state: 'ready' };
}

const foreign = (difference: string): VaultStanding => ({ state: 'foreign', difference });

/** Deposited since the vault exists: what all claims together may reach. */
export const depositedNano = (vault: VaultState): Nano =>
  nanoOfWei(vault.coinsWei + vault.claimedTotalWei).amountNano;

/** @returns what all claims together may reach by the growth cap */
export const cappedNano = (vault: VaultState, postedNano: Nano): Nano =>
  addNano(postedNano, nanoOfWei(vault.growthCapWei).amountNano);

/** What the vault would let the claims tree grow by, from what is posted. */
export function growthRoomNano(vault: VaultState, postedNano: Nano): Nano {
  const [deposited, capped] = [depositedNano(vault), cappedNano(vault, postedNano)];
  return subtractNano(deposited < capped ? deposited : capped, postedNano);
}
