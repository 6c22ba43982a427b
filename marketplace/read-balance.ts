// What a person has, what they may still spend today, and the latest lines of their history. Used by
// create-marketplace.ts. Reads only.
import { addNano } from '../db/ledger/amount.ts';
import { balances, claimableOf } from '../db/ledger/balances.ts';
import { trialEarned } from '../db/repositories/trial-earning-repository.ts';
import { walletOfPerson } from '../db/repositories/wallet-repository.ts';
import { readBudgets } from './budgets/budget.ts';
import type { Balance } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { readHistory } from './read-history.ts';

const LINES_SHOWN = 8;

export async function readBalance(
  market: Pick<MarketplaceContext, 'db' | 'settings' | 'clock'>,
  personId: string,
): Promise<Balance> {
  const { db } = market;
  const have = await balances(db, personId);
  const wallet = await walletOfPerson(db, personId);
  // Only the day's is read here: no conversation has this id.
  const [, today] = await readBudgets(market, db, { personId, conversationId: '' });
  const { lines } = await readHistory(db, personId, { lines: LINES_SHOWN });
  return {
    balanceNano: have.balanceNano,
    grantNano: have.grantNano,
    heldNano: have.heldNano,
    earnedNano: addNano(have.contributorNano, have.creatorNano, have.nodeNano),
    trialNano: await trialEarned(db, personId),
    claimableNano: wallet === undefined ? null : await claimableOf(db, wallet.address),
    today,
    recent: lines,
  };
}
