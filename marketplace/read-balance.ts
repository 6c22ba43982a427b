// What a person has, and the latest lines of their history. Used by create-marketplace.ts. Reads only.
import { addNano } from '../db/ledger/amount.ts';
import { balances } from '../db/ledger/balances.ts';
import type { Balance } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { readHistory } from './read-history.ts';

const LINES_SHOWN = 8;

export async function readBalance(
  { db }: Pick<MarketplaceContext, 'db'>,
  personId: string,
): Promise<Balance> {
  const have = await balances(db, personId);
  const { lines } = await readHistory(db, personId, { lines: LINES_SHOWN });
  return {
    balanceNano: have.balanceNano,
    grantNano: have.grantNano,
    heldNano: have.heldNano,
    earnedNano: addNano(have.contributorNano, have.creatorNano, have.nodeNano),
    recent: lines,
  };
}
