// Do the vault's coins cover what the books say lies in it? The ledger's vault account mirrors final deposits minus final
// claims; coins above it are deposits under way, gifts and less-than-nano rests, coins below it are an alarm. Used by the
// watcher, which tells the log once, and by whoever shows the books. Reads only.
import type { Chain } from '../../contracts/client/chain.ts';
import type { Database } from '../../db/database.ts';
import { type Nano, nano } from '../../db/ledger/amount.ts';
import { VAULT } from '../../db/ledger/transfer.ts';
import { pendingOfKind } from '../../db/repositories/chain-event-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { vaultOf } from './chain-round.ts';
import { nanoOfWei } from './wei.ts';

/** Rounds between two looks; the first round looks. */
const ROUNDS = 15;

export interface ChainCoverage {
  /** What the contract holds now, whole nano. */
  readonly coinsNano: Nano;
  /** What the books say it holds: final deposits minus final claims. */
  readonly bookedNano: Nano;
  /** Claims that have left the vault and are not final yet. */
  readonly claimsUnderWayNano: Nano;
  /** Coins and claims under way cover what is booked. */
  readonly covered: boolean;
}

/** Null where there is no chain. @throws ChainFault when it cannot be reached */
export async function readCoverage({
  db,
  chain,
}: Pick<MarketplaceContext, 'db' | 'chain'>): Promise<ChainCoverage | null> {
  return chain === null ? null : coverageOf(db, chain);
}

async function coverageOf(db: Database, chain: Chain): Promise<ChainCoverage> {
  // The books first: what the chain does after that can only be a claim that the next look sees as under way.
  const account = await db
    .selectFrom('account')
    .select('balanceNano')
    .where('kind', '=', VAULT.kind)
    .where('ownerId', '=', VAULT.ownerId)
    .executeTakeFirst();
  const claims = await pendingOfKind(db, vaultOf(chain), 'claim');
  const { coinsWei } = await chain.vault();
  const { amountNano: coinsNano } = nanoOfWei(coinsWei);
  const { amountNano: claimsUnderWayNano } = nanoOfWei(
    claims.reduce((sum, { payload }) => sum + BigInt(payload.amountWei), 0n),
  );
  const bookedNano = nano(-(account?.balanceNano ?? 0n));
  return { coinsNano, bookedNano, claimsUnderWayNano, covered: coinsNano + claimsUnderWayNano >= bookedNano };
}

/** Looks every few rounds and tells the log when the answer changes. */
export function createCoverageCheck(market: MarketplaceContext, chain: Chain): () => Promise<void> {
  let rounds = 0;
  let short = 0;
  return async () => {
    rounds += 1;
    if (short === 0 && (rounds - 1) % ROUNDS !== 0) return;
    const figures = await coverageOf(market.db, chain);
    const wasTold = short > 1;
    short = figures.covered ? 0 : short + 1;
    // A claim may have been mined between two looks at the same moment; the second look in a row is no accident.
    if (short === 2) market.log.error(inWords(figures), 'the vault holds fewer coins than the books say');
    if (wasTold && figures.covered) market.log.info(inWords(figures), 'the vault covers the books again');
  };
}

const inWords = ({ coinsNano, bookedNano, claimsUnderWayNano }: ChainCoverage): object => ({
  coinsNano: String(coinsNano),
  bookedNano: String(bookedNano),
  claimsUnderWayNano: String(claimsUnderWayNano),
});
