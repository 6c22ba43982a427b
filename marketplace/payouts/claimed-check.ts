// Has anybody claimed more on chain than a new leaf would give? Then a root that is not ours once counted, and nothing may be
// posted. Used by settle-step.ts before a cut. Wallets whose leaf is about to change are asked of the vault; the claims that
// are final are compared for all wallets when the leaves are written (cut-epoch.ts).
import type { Chain } from '../../contracts/client/chain.ts';
import type { Database } from '../../db/database.ts';
import { type ClaimChange, claimChanges } from '../../db/repositories/epoch-leaf-repository.ts';
import { weiOfNano } from '../wallets/wei.ts';

/** Questions to the node at the same time. */
const AT_ONCE = 8;

/** @returns which wallet, in a sentence; null = nobody */
export async function claimedBeyondLedger(
  db: Database,
  chain: Chain,
  claimsNumber: number | null,
): Promise<string | null> {
  const changes = await claimChanges(db, claimsNumber);
  for (let from = 0; from < changes.length; from += AT_ONCE) {
    const found = await Promise.all(
      changes.slice(from, from + AT_ONCE).map((change) => beyond(chain, change)),
    );
    const first = found.find((difference) => difference !== null);
    if (first !== undefined) return first;
  }
  return null;
}

async function beyond(chain: Chain, { wallet, entitledNano }: ClaimChange): Promise<string | null> {
  const claimedWei = await chain.claimedWei(wallet);
  if (claimedWei <= weiOfNano(entitledNano)) return null;
  return `${wallet} has claimed ${claimedWei} wei on chain, the books gave it ${entitledNano} nano`;
}
