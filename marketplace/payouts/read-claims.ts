// What a person earned and where it is on its way to the wallet; and the epochs for everybody. Used by claim-verbs.ts. Reads
// only. A chain that cannot be reached hides what is on chain, nothing else.
import { ChainFault } from '../../contracts/client/chain.ts';
import { addNano, type Nano, subtractNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import { balances } from '../../db/ledger/balances.ts';
import { entitledOf } from '../../db/repositories/epoch-leaf-repository.ts';
import { listEpochs, newestEpoch } from '../../db/repositories/epoch-repository.ts';
import { askedWithdrawal } from '../../db/repositories/payout-repository.ts';
import { trialEarned } from '../../db/repositories/trial-earning-repository.ts';
import { walletOfPerson } from '../../db/repositories/wallet-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type ClaimOf, claimOf } from './claim-of.ts';
import type { Claims, EpochView } from './claim-views.ts';

const EPOCHS_SHOWN = 100;

export async function readClaims(market: MarketplaceContext, personId: string): Promise<Claims> {
  const { db, chain, settings } = market;
  if (chain === null) return { ok: false, code: 'no_chain' };
  const have = await balances(db, personId);
  const trialNano = await trialEarned(db, personId);
  const wallet = (await walletOfPerson(db, personId))?.address ?? null;
  const found = wallet === null ? null : await askChain(market, wallet);
  const onChain = typeof found === 'object' ? found : null;
  return {
    ok: true,
    wallet,
    earnedNano: subtractNano(addNano(have.contributorNano, have.creatorNano, have.nodeNano), trialNano),
    trialNano,
    leastNano: settings.payoutLeastNano,
    ownNano: have.balanceNano,
    askedNano: (await askedWithdrawal(db, personId))?.amountNano ?? ZERO_NANO,
    nextNano: wallet === null || onChain === null ? ZERO_NANO : await notInATree(market, wallet, onChain),
    onChain,
    chainTrouble: typeof found === 'string' ? found : null,
    nextEpochAt: await nextEpochAt(market),
    isPosted: chain.poster !== null,
  };
}

type OnChain = Extract<ClaimOf, { ok: true }>;
type Known = Extract<Claims, { ok: true }>;

async function askChain(
  market: MarketplaceContext,
  wallet: string,
): Promise<OnChain | NonNullable<Known['chainTrouble']>> {
  try {
    const found = await claimOf(market, wallet);
    if (found.ok) return found;
    return found.code === 'no_chain' ? 'chain_away' : found.code;
  } catch (fault) {
    if (!(fault instanceof ChainFault)) throw fault;
    market.log.warn({ err: fault }, 'the chain could not be asked for a claim');
    return 'chain_away';
  }
}

/** Paid out, less what stands in the roots that were posted. */
async function notInATree({ db }: MarketplaceContext, wallet: string, onChain: OnChain): Promise<Nano> {
  const { cumulativeNano, claimedNano, waiting } = onChain;
  // After a root was dropped nothing stands in one, and what was claimed before still is.
  const reachedNano = cumulativeNano > claimedNano ? cumulativeNano : claimedNano;
  const inTrees = addNano(reachedNano, waiting?.amountNano ?? ZERO_NANO);
  const entitled = await entitledOf(db, wallet);
  return entitled > inTrees ? subtractNano(entitled, inTrees) : ZERO_NANO;
}

/** The earliest moment of the next cut. */
export async function nextEpochAt({
  db,
  settings,
  clock,
}: Pick<MarketplaceContext, 'db' | 'settings' | 'clock'>): Promise<Date> {
  const before = await newestEpoch(db);
  return before === undefined ? clock() : new Date(before.cutAt.getTime() + settings.epochMs);
}

/** The newest epochs, newest first. */
export async function readEpochs({ db }: Pick<MarketplaceContext, 'db'>): Promise<readonly EpochView[]> {
  return (await listEpochs(db, EPOCHS_SHOWN)).map((epoch) => ({
    number: epoch.number,
    state: epoch.state,
    cause: epoch.cause,
    receipts: epoch.receiptCount,
    accounts: epoch.claimCount,
    claimsTotalNano: epoch.claimsTotalNano,
    waitingNano: epoch.waitingNano,
    receiptsRoot: epoch.receiptsRoot,
    claimsRoot: epoch.claimsRoot,
    leafFileHash: epoch.leafFileHash,
    cutAt: epoch.cutAt,
    activeAt: epoch.activeAt,
    txHash: epoch.txHash,
    block: epoch.blockNumber,
  }));
}
