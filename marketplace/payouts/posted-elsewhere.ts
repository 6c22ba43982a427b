// An epoch that stands on chain though none of our transactions put it there: the database was brought back from a backup, or
// another program has the poster's key. Used by post-epoch.ts. What the watcher saw is compared with ours: the same is taken
// as posted, another one is an alarm, and nothing further is posted until an operator has looked.
import type { Chain } from '../../contracts/client/chain.ts';
import { transact } from '../../db/database.ts';
import { finalEpochEvent, moveEpoch, setEpochCause } from '../../db/repositories/epoch-repository.ts';
import type { Epoch } from '../../db/schema-epoch.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { vaultOf } from '../wallets/chain-round.ts';
import { weiOfNano } from '../wallets/wei.ts';

export async function postedElsewhere(
  market: Pick<MarketplaceContext, 'db' | 'clock' | 'log'>,
  chain: Chain,
  epoch: Epoch,
): Promise<'waiting_for_finality' | 'stuck' | 'final'> {
  const { db, log } = market;
  const event = await finalEpochEvent(db, vaultOf(chain), epoch.number);
  if (event === undefined) return 'waiting_for_finality';
  const { receiptsRoot, claimsRoot, leafFileHash, claimsTotalWei } = event.payload;
  const isOurs =
    receiptsRoot === epoch.receiptsRoot &&
    claimsRoot === epoch.claimsRoot &&
    leafFileHash === epoch.leafFileHash &&
    claimsTotalWei === String(weiOfNano(epoch.claimsTotalNano));
  if (!isOurs) {
    const cause = `another epoch ${epoch.number} stands on chain, posted in ${event.txHash}`;
    if (await setEpochCause(db, epoch.number, cause))
      log.error({ epoch: epoch.number, cause }, 'an epoch on chain is not ours');
    return 'stuck';
  }
  const { txHash, blockNumber, blockHash } = event;
  const facts = { cause: null, activeAt: market.clock(), txHash, blockNumber, blockHash };
  await transact(db, (tx) =>
    moveEpoch(tx, { number: epoch.number, from: ['built', 'signed', 'sent'], to: 'final', facts }),
  );
  log.warn({ epoch: epoch.number, tx: txHash }, 'an epoch was posted by none of the known transactions');
  return 'final';
}
