// One database keeps the books of one vault. The ledger's vault account counts coins and not where they lie: practice coins that
// were deposited on the local chain would be spent and paid out as real ones once the same database is put on a real chain.
// Used by create-marketplace.ts before anything moves.
import { type Chain, ChainFault } from '../../contracts/client/chain.ts';
import type { Database } from '../../db/database.ts';
import { otherBookedVault } from '../../db/repositories/chain-cursor-repository.ts';
import { vaultOf } from './chain-round.ts';

/** @throws ChainFault `deployment_wrong` when logs of another vault were booked in this database */
export async function refuseOtherVault(db: Database, chain: Chain): Promise<void> {
  const here = vaultOf(chain);
  const other = await otherBookedVault(db, here);
  if (other === undefined) return;
  throw new ChainFault(
    'deployment_wrong',
    `The books in this database count coins of the vault ${other.vault} on chain ${other.chainId}, and the settings lead to the vault ${here.vault} on chain ${here.chainId}, which holds none of them. Go back to that chain, or start with another DATA_DIR (and DATABASE_URL, where one is set).`,
    'never',
  );
}
