// The watch-dog over the vault's roots: what was posted last is recomputed from our rows, leaf by leaf, while there is still
// time for a veto. Used by settle-regularly.ts, and by an operator's own machine with a copy of the database. It trusts no root
// that is stored: the trees are built again. It can only tell; the veto key belongs elsewhere.
import type { Chain } from '../../contracts/client/chain.ts';
import { NO_ROOT } from '../../contracts/merkle/flat-tree.ts';
import { getEpoch } from '../../db/repositories/epoch-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { weiOfNano } from '../wallets/wei.ts';
import { buildFiles } from './build-epoch.ts';

type Market = Pick<MarketplaceContext, 'db' | 'dataDir' | 'clock' | 'stopping'>;

export type RootCheck =
  | { readonly state: 'nothing_posted' }
  | { readonly state: 'ours'; readonly epoch: number }
  /** To be vetoed before its time comes, where it is still pending. */
  | { readonly state: 'foreign'; readonly epoch: number; readonly differences: readonly string[] };

/**
 * Compares the newest posting (pending, or active where nothing is pending) with what our rows give.
 * @throws ChainFault, and what building the trees throws
 */
export async function checkPostedRoot(market: Market, chain: Chain): Promise<RootCheck> {
  const vault = await chain.vault();
  const number = Number(vault.lastEpoch);
  if (number === 0) return { state: 'nothing_posted' };
  const epoch = await getEpoch(market.db, number);
  if (epoch === undefined)
    return { state: 'foreign', epoch: number, differences: ['there is no such epoch here'] };
  const { receipts, claims } = await buildFiles(market, epoch);
  const receiptsRoot = (await chain.receiptsRoot(vault.lastEpoch)) ?? NO_ROOT;
  const { pending } = vault;
  const [root, totalWei] =
    pending === null ? [vault.activeRoot, vault.activeTotalWei] : [pending.root, pending.totalWei];
  const differences = [
    ...difference('receipts root', receiptsRoot, receipts.root),
    // A veto brought back the root before.
    ...(epoch.state === 'vetoed' ? [] : difference('claims root', root, claims.root)),
    ...(epoch.state === 'vetoed'
      ? []
      : difference('claims total', String(totalWei), String(weiOfNano(epoch.claimsTotalNano)))),
  ];
  return differences.length === 0
    ? { state: 'ours', epoch: number }
    : { state: 'foreign', epoch: number, differences };
}

const difference = (what: string, found: string, expected: string): readonly string[] =>
  found === expected ? [] : [`${what} on chain ${found}, from our rows ${expected}`];

/** Checks each posting once; tells the log. @returns a function to be called again and again */
export function createRootWatch(
  market: Market & Pick<MarketplaceContext, 'log'>,
  chain: Chain,
): () => Promise<void> {
  let checked = 0n;
  return async () => {
    const { lastEpoch } = await chain.vault();
    if (lastEpoch === checked || lastEpoch === 0n) return;
    const check = await checkPostedRoot(market, chain);
    checked = lastEpoch;
    if (check.state === 'foreign')
      market.log.error(
        { epoch: check.epoch, differences: check.differences },
        'the vault has a root that is not ours: veto it before it counts',
      );
  };
}
