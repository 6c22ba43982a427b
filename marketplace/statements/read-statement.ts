// A person's earnings over a time: as a contributor with influence and fallback apart, compared with the others of the same
// datanets; as a model's creator; and, for operators, as the node and the platform. Used by statement-verbs.ts. Reads only,
// one query a figure, each over an index.
import { addNano, type Nano, subtractNano } from '../../db/ledger/amount.ts';
import { balances, claimableOf } from '../../db/ledger/balances.ts';
import {
  captureSums,
  earnedPaidOut,
  peerSums,
  shareSums,
  topContributions,
} from '../../db/repositories/statement-repository.ts';
import { trialEarned } from '../../db/repositories/trial-earning-repository.ts';
import { walletOfPerson } from '../../db/repositories/wallet-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isOperator } from '../operators.ts';
import { NODE_OWNER, PLATFORM_OWNER } from '../owners.ts';
import { PPM } from '../split-price.ts';
import { PERIODS, type Period, type Statement } from './statement.ts';

type Market = Pick<MarketplaceContext, 'db' | 'clock' | 'settings'>;

const TOP = 5;
const DAY_MS = 86_400_000;

export async function readStatement(market: Market, personId: string, period: Period): Promise<Statement> {
  const { db } = market;
  const until = market.clock();
  const since = sinceOf(period, until);
  const [sums, peers, top, roles, paidOutNano, purse, trialNano, wallet] = await Promise.all([
    shareSums(db, personId, since),
    peerSums(db, personId, since),
    topContributions(db, personId, { since, limit: TOP }),
    rolesOf(market, personId, since),
    earnedPaidOut(db, personId, since),
    balances(db, personId),
    trialEarned(db, personId),
    walletOf(market, personId),
  ]);
  const { datanets, contributors, medianNano, earnedLess } = peers;
  return {
    period,
    since,
    until,
    contributor: {
      ...sums,
      meanShare: sums.calls === 0 ? 0 : Number(sums.ppmSum) / sums.calls / PPM,
      top,
      peers: datanets === 0 ? null : { datanets, contributors, medianNano, earnedLess },
    },
    roles,
    paidOutNano,
    waitingNano: subtractNano(addNano(purse.contributorNano, purse.creatorNano, purse.nodeNano), trialNano),
    trialNano,
    wallet,
  };
}

function sinceOf(period: Period, until: Date): Date | null {
  const days = PERIODS[period];
  return days === null ? null : new Date(until.getTime() - days * DAY_MS);
}

/** A creator's own; the machine's and the marketplace's only for those who run them. */
async function rolesOf(market: Market, personId: string, since: Date | null): Promise<Statement['roles']> {
  const owners = [
    { role: 'creator', ownerId: personId } as const,
    ...((await isOperator(market, personId))
      ? ([
          { role: 'node', ownerId: NODE_OWNER },
          { role: 'platform', ownerId: PLATFORM_OWNER },
        ] as const)
      : []),
  ];
  const sums = await Promise.all(
    owners.map(async ({ role, ownerId }) => ({
      role,
      ...(await captureSums(market.db, { kind: role, ownerId, since })),
    })),
  );
  return sums.filter(({ calls }) => calls > 0);
}

async function walletOf(
  { db }: Market,
  personId: string,
): Promise<{ readonly address: string; readonly claimableNano: Nano } | null> {
  const wallet = await walletOfPerson(db, personId);
  if (wallet === undefined) return null;
  return { address: wallet.address, claimableNano: await claimableOf(db, wallet.address) };
}
