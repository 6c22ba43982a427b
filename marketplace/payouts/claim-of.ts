// What an address can claim, and what it has to hand to the vault for it. Used by the wallet page and by /claim. Reads only:
// the chain says which root counts and what was claimed, our rows say what stands under that root.
// Invariant: a proof that is given leads to the root that the vault checks against now.
import { claimLeaf, NO_ROOT } from '../../contracts/merkle/flat-tree.ts';
import { proofFromFile } from '../../contracts/merkle/tree-file.ts';
import { type Nano, subtractNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import { readCursor } from '../../db/repositories/chain-cursor-repository.ts';
import { claimLeafOf } from '../../db/repositories/epoch-leaf-repository.ts';
import { epochOfClaimsRoot } from '../../db/repositories/epoch-repository.ts';
import type { Epoch } from '../../db/schema-epoch.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isChainReplaced } from '../wallets/chain-replaced.ts';
import { vaultOf } from '../wallets/chain-round.ts';
import { nanoOfWei, weiOfNano } from '../wallets/wei.ts';
import { buildFiles } from './build-epoch.ts';
import { claimsTreePath } from './epoch-files.ts';

export type ClaimOf =
  | {
      readonly ok: true;
      readonly address: string;
      /** All that the address may ever have claimed by the root that counts now. */
      readonly cumulativeNano: Nano;
      /** Claimed since the vault exists, as the vault says. */
      readonly claimedNano: Nano;
      /** What a claim brings now. */
      readonly claimableNano: Nano;
      /** What comes on top when the root that was posted last counts; while the vault is paused, `activeAt` means nothing. */
      readonly waiting: { readonly amountNano: Nano; readonly epoch: number; readonly activeAt: Date } | null;
      /** The arguments of the vault's claim(address, cumulative, expectedRoot, proof); null while there is nothing to claim. */
      readonly claim: {
        readonly cumulativeWei: bigint;
        readonly root: string;
        readonly proof: readonly string[];
      } | null;
      /** Deposits, claims and postings are stopped. */
      readonly paused: boolean;
    }
  /** This machine has no chain. */
  | { readonly ok: false; readonly code: 'no_chain' }
  /** The root that counts is not from here: an operator is told; nobody can be given a proof. */
  | { readonly ok: false; readonly code: 'foreign_root' }
  /** The practice chain was deleted or replaced: what the books say is not on it. */
  | { readonly ok: false; readonly code: 'chain_replaced' };

type Market = Pick<MarketplaceContext, 'db' | 'chain' | 'dataDir' | 'clock' | 'stopping'>;

/** @param address 0x and 40 hex digits @throws ChainFault when the chain cannot be reached */
export async function claimOf(market: Market, address: string): Promise<ClaimOf> {
  const { db, chain } = market;
  if (chain === null) return { ok: false, code: 'no_chain' };
  const wallet = address.toLowerCase();
  const cursor = await readCursor(db, vaultOf(chain));
  if (cursor !== undefined && (await isChainReplaced(chain, cursor)))
    return { ok: false, code: 'chain_replaced' };
  const vault = await chain.vault();
  const active = await epochUnder(market, vault.activeRoot);
  const pending = vault.pending === null ? null : await epochUnder(market, vault.pending.root);
  if (active === undefined) return { ok: false, code: 'foreign_root' };
  const claimed = nanoOfWei(await chain.claimedWei(wallet)).amountNano;
  const cumulative = await leafIn(db, active, wallet);
  const claimable = cumulative > claimed ? subtractNano(cumulative, claimed) : ZERO_NANO;
  const reached = cumulative > claimed ? cumulative : claimed;
  // One that is pending and not from here brings nothing: it is to be vetoed. What counts can be claimed all the same.
  const later = await leafIn(db, pending ?? null, wallet);
  const comes = later > reached ? subtractNano(later, reached) : ZERO_NANO;
  return {
    ok: true,
    address: wallet,
    cumulativeNano: cumulative,
    claimedNano: claimed,
    claimableNano: claimable,
    waiting:
      comes > 0n && vault.pending !== null
        ? { amountNano: comes, epoch: Number(vault.pending.epoch), activeAt: vault.pending.activeAt }
        : null,
    claim: claimable > 0n && active !== null ? await proofOf(market, active, wallet, cumulative) : null,
    paused: vault.paused,
  };
}

/** Null where there is no root; undefined where it is not ours. */
async function epochUnder({ db }: Market, root: string): Promise<Epoch | null | undefined> {
  return root === NO_ROOT ? null : await epochOfClaimsRoot(db, root);
}

async function leafIn(db: Market['db'], epoch: Epoch | null, wallet: string): Promise<Nano> {
  if (epoch === null || epoch.claimsNumber === null) return ZERO_NANO;
  return (await claimLeafOf(db, epoch.claimsNumber, wallet)) ?? ZERO_NANO;
}

/** Out of the stored tree; one that is missing or damaged is made again. */
async function proofOf(
  market: Market,
  epoch: Epoch,
  wallet: string,
  cumulativeNano: Nano,
): Promise<{ readonly cumulativeWei: bigint; readonly root: string; readonly proof: readonly string[] }> {
  const { claimsNumber, claimsRoot: root } = epoch;
  if (claimsNumber === null || root === null) throw new Error(`epoch ${epoch.number} has no claims`);
  const cumulativeWei = weiOfNano(cumulativeNano);
  const leaf = claimLeaf(wallet, cumulativeWei);
  const path = claimsTreePath(market.dataDir, claimsNumber);
  let found = await proofFromFile(path, root, leaf);
  if (!found.ok) {
    await buildFiles(market, epoch);
    found = await proofFromFile(path, root, leaf);
  }
  if (!found.ok) throw new Error(`the claims of epoch ${epoch.number} do not lead to its root`);
  return { cumulativeWei, root, proof: found.proof };
}
