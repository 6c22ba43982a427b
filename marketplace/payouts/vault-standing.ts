// Whether the vault stands where our epochs say it does, and how much more it would take. Used by settle-epochs.ts and
// pay-out.ts. Pure. Amounts of the chain become nano here, rounded down.
// What is pending by the chain's clock may count already by ours; a posting is simulated anyway before it is signed.
import type { VaultState } from '../../contracts/client/chain.ts';
import { NO_ROOT } from '../../contracts/merkle/flat-tree.ts';
import { addNano, type Nano, subtractNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import type { Epoch } from '../../db/schema-epoch.ts';
import { nanoOfWei, weiOfNano } from '../wallets/wei.ts';

export type VaultStanding =
  /** Another epoch can be posted: our newest root is the one that counts, or `isDropped`: none does, and ours is to be posted again. */
  | { readonly state: 'ready'; readonly isDropped: boolean }
  /** It counts from then on. */
  | { readonly state: 'pending'; readonly activeAt: Date }
  | { readonly state: 'paused' }
  /** The vault has an epoch or a root that is not ours, or a veto that is not final yet. */
  | { readonly state: 'foreign'; readonly difference: string };

/**
 * Foreign postings are past when the vault's roles have seen to it: the root that counts is ours again (a veto), or there is none
 * and the total is the one of our tree (the admin dropped a root and told what was right). The vault's numbers go on after them.
 * @param standing our newest epoch that was not vetoed; every epoch of ours is posted
 * @param last.number our newest epoch, vetoed ones included; 0 = none
 * @param last.isFinal whether the vault's newest epoch is final, where it is not ours
 */
export function vaultStanding(
  vault: VaultState,
  standing: Epoch | undefined,
  last: { readonly number: number; readonly isFinal: boolean },
  now: Date,
): VaultStanding {
  const { pending, lastEpoch } = vault;
  const [root, totalWei] =
    pending === null ? [vault.activeRoot, vault.activeTotalWei] : [pending.root, pending.totalWei];
  const expected = standing?.claimsRoot ?? NO_ROOT;
  const expectedWei = weiOfNano(standing?.claimsTotalNano ?? ZERO_NANO);
  const isDropped = pending === null && root === NO_ROOT && expected !== NO_ROOT;
  if (lastEpoch < last.number || (lastEpoch > last.number && !last.isFinal))
    return foreign(`the vault is at epoch ${lastEpoch}, the database at ${last.number}`);
  if ((root !== expected && !isDropped) || totalWei !== expectedWei)
    return foreign(
      `the vault's root ${root} over ${totalWei} wei is not ours, ${expected} over ${expectedWei}`,
    );
  if (vault.paused) return { state: 'paused' };
  if (pending !== null && pending.activeAt > now) return { state: 'pending', activeAt: pending.activeAt };
  return { state: 'ready', isDropped };
}

const foreign = (difference: string): VaultStanding => ({ state: 'foreign', difference });

/** When the pending root counts; null = nothing is pending, or the clock stands still for a pause and then begins again. */
export const activeAtOf = ({ pending, paused }: VaultState): Date | null =>
  paused ? null : (pending?.activeAt ?? null);

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
