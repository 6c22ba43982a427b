// Do database and chain belong together? Asked once at the start, for the operator's eyes: what does not belong together stops
// deposits or payouts, which would else be found out by somebody who waits for money. Used by create-marketplace.ts. Reads only;
// what it names is stopped elsewhere (chain-round.ts, settle-step.ts).
import { type Chain, ChainFault } from '../../contracts/client/chain.ts';
import type { Database } from '../../db/database.ts';
import { readCursor } from '../../db/repositories/chain-cursor-repository.ts';
import { newestEpoch } from '../../db/repositories/epoch-repository.ts';
import { CHAIN_REPLACED, isChainReplaced } from './chain-replaced.ts';
import { vaultOf } from './chain-round.ts';

/** What an operator can do about it. */
const CURE =
  'Stop the program. Then put the folder “chain” of the data folder back from a backup; or, to begin anew with everything, people, datanets and models included, delete the folders “chain” and “postgres” of the data folder together (with DATABASE_URL: “chain” and that database). Until then answers, datanets and training go on; deposits and claims do not.';

const BEGIN_ANEW =
  'Bring back the newest backup of the database; or, to begin anew with everything, delete the folders “chain” and “postgres” of the data folder together.';
const FOREIGN =
  'Bring back the newest backup of the database; where somebody else has posted, have it vetoed, or its root dropped, by the vault’s roles: payouts go on by themselves then.';

/**
 * What an operator should hear at the start about database and chain that do not belong together; null = they do, or the chain
 * cannot be asked now.
 */
export async function chainMismatch(db: Database, chain: Chain): Promise<string | null> {
  try {
    const cursor = await readCursor(db, vaultOf(chain));
    if (cursor !== undefined && (await isChainReplaced(chain, cursor)))
      return `Deposits and claims are stopped: ${CHAIN_REPLACED}. ${CURE}`;
    const ours = (await newestEpoch(db))?.number ?? 0;
    const { lastEpoch } = await chain.vault();
    if (lastEpoch <= BigInt(ours)) return null;
    return `The vault is at epoch ${lastEpoch}, the database at ${ours}: the database was deleted or brought back from an older backup, or somebody else has posted. Payouts stop where the vault's root is not ours. ${chain.isLocal ? BEGIN_ANEW : FOREIGN}`;
  } catch (fault) {
    if (fault instanceof ChainFault) return null;
    throw fault;
  }
}
