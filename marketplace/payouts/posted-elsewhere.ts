// An epoch that stands on chain though none of our transactions put it there: the database was brought back from a backup, or
// another program has the poster's key. Used by post-epoch.ts. What the watcher saw is compared with ours: the same is taken
// as posted, another one is an alarm, and nothing further is posted until an operator has looked. Once the vault's roles have
// vetoed the foreign posting, or dropped its root, our epoch ends: its number is taken, its payouts stand in the next one.
import type { Chain, VaultState } from '../../contracts/client/chain.ts';
import { transact } from '../../db/database.ts';
import {
  finalEpochEvent,
  getEpoch,
  moveEpoch,
  setEpochCause,
} from '../../db/repositories/epoch-repository.ts';
import type { Epoch } from '../../db/schema-epoch.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { vaultOf } from '../wallets/chain-round.ts';
import { weiOfNano } from '../wallets/wei.ts';
import { vaultStanding } from './vault-standing.ts';

export async function postedElsewhere(
  market: Pick<MarketplaceContext, 'db' | 'clock' | 'log'>,
  chain: Chain,
  epoch: Epoch,
  vault: VaultState,
): Promise<'waiting_for_finality' | 'stuck' | 'displaced' | 'final'> {
  const { db, log, clock } = market;
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
    const base = epoch.baseNumber === null ? undefined : await getEpoch(db, epoch.baseNumber);
    if (vaultStanding(vault, base, { number: epoch.number, isFinal: true }, clock()).state === 'ready') {
      await transact(db, (tx) =>
        moveEpoch(tx, {
          number: epoch.number,
          from: ['built', 'signed', 'sent'],
          to: 'vetoed',
          facts: { cause, endedAt: clock() },
        }),
      );
      log.error(
        { epoch: epoch.number, cause },
        'an epoch gives way to a foreign posting; its payouts stand in the next',
      );
      return 'displaced';
    }
    if (await setEpochCause(db, epoch.number, cause))
      log.error({ epoch: epoch.number, cause }, 'an epoch on chain is not ours');
    return 'stuck';
  }
  const { txHash, blockNumber, blockHash } = event;
  const facts = { cause: null, activeAt: clock(), txHash, blockNumber, blockHash };
  await transact(db, (tx) =>
    moveEpoch(tx, { number: epoch.number, from: ['built', 'signed', 'sent'], to: 'final', facts }),
  );
  log.warn({ epoch: epoch.number, tx: txHash }, 'an epoch was posted by none of the known transactions');
  return 'final';
}
