// Cuts an epoch: fixes, in one transaction, which complete receipts it holds and what each wallet may ever have claimed.
// Used by settle-epochs.ts. Roots and files are made afterwards out of what is fixed here (build-epoch.ts), so a death at any
// line leaves a whole epoch or none. Payouts were posted before (pay-out.ts); what stands in claimable is what goes in, so
// payouts of a vetoed epoch, or of one that was never cut, stand in the next one.
// Invariants: a leaf never falls; the tree grows by no more than the vault takes; what does not fit waits, oldest first.
import { type Tx, transact } from '../../db/database.ts';
import { addNano, type Nano, nano, subtractNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import {
  type ClaimChange,
  claimChanges,
  nextReceiptsFrom,
  overclaimedWallets,
  takeReceipts,
  writeClaimLeaves,
} from '../../db/repositories/epoch-leaf-repository.ts';
import {
  createEpoch,
  lockEpochs,
  newestEpoch,
  newestStandingEpoch,
} from '../../db/repositories/epoch-repository.ts';
import type { Epoch } from '../../db/schema-epoch.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

export interface CutTerms {
  /** The number that the payouts were made for, above those of all epochs here; numbers of foreign postings are left out. */
  readonly number: number;
  /** What the claims tree may grow by; 0 = receipts only. */
  readonly growthNano: Nano;
  /** Due and not even in claimable, for the record. */
  readonly waitingNano: Nano;
  /** The vault has no root any more: the leaves are posted again though nothing changed. */
  readonly postsAgain?: boolean;
}

/** @returns the epoch's number; null when there was neither a receipt nor a change, or the number is taken */
export async function cutEpoch(
  market: Pick<MarketplaceContext, 'db' | 'settings' | 'clock'>,
  terms: CutTerms,
): Promise<number | null> {
  return await transact(market.db, async (tx) => {
    await lockEpochs(tx);
    const before = await newestEpoch(tx);
    const { number } = terms;
    if (number <= (before?.number ?? 0)) return null;
    const base = await newestStandingEpoch(tx);
    const from = before?.receiptsFrom ?? 1;
    const limit = market.settings.epochReceiptsMax;
    const receiptCount = await takeReceipts(tx, { epochNumber: number, from, limit });
    const changes = await claimChanges(tx, base?.claimsNumber ?? null);
    const { raised, waitingNano } = raisedLeaves(changes, terms.growthNano);
    const writesAnew = terms.postsAgain === true && receiptCount === 0 && (base?.claimCount ?? 0) > 0;
    const hasLeaves = raised.length > 0 || writesAnew;
    if (receiptCount === 0 && !hasLeaves) return null;
    const claims = claimsAfter(base, hasLeaves ? number : (base?.claimsNumber ?? null), raised, changes);
    await createEpoch(tx, {
      number,
      baseNumber: base?.number ?? null,
      ...claims,
      receiptCount,
      waitingNano: addNano(waitingNano, terms.waitingNano),
      receiptsFrom: await nextReceiptsFrom(tx, from),
      cutAt: market.clock(),
    });
    if (hasLeaves) await writeLeaves(tx, number, base?.claimsNumber ?? null, raised, claims);
    return number;
  });
}

type Claims = Pick<Epoch, 'claimsNumber' | 'claimCount' | 'claimsTotalNano'>;

/** @param claimsNumber whose leaves the epoch has: its own, or those of the one before where none is written */
function claimsAfter(
  base: Epoch | undefined,
  claimsNumber: number | null,
  raised: Raised,
  changes: readonly ClaimChange[],
): Claims {
  const leafBefore = new Map(changes.map(({ wallet, leafNano }) => [wallet, leafNano]));
  const grown = raised.map(({ wallet, cumulativeNano }) =>
    subtractNano(cumulativeNano, leafBefore.get(wallet) ?? ZERO_NANO),
  );
  const fresh = raised.filter(({ wallet }) => leafBefore.get(wallet) === 0n);
  return {
    claimsNumber,
    claimCount: (base?.claimCount ?? 0) + fresh.length,
    claimsTotalNano: addNano(base?.claimsTotalNano ?? ZERO_NANO, ...grown),
  };
}

async function writeLeaves(
  tx: Tx,
  number: number,
  beforeNumber: number | null,
  raised: Raised,
  claims: Claims,
): Promise<void> {
  const { count, totalNano } = await writeClaimLeaves(tx, { epochNumber: number, beforeNumber, raised });
  if (count !== claims.claimCount || totalNano !== claims.claimsTotalNano)
    throw new Error(
      `the leaves of epoch ${number} are ${count} of ${totalNano} nano, not ${claims.claimCount} of ${claims.claimsTotalNano}`,
    );
  const [over] = await overclaimedWallets(tx, number);
  if (over !== undefined)
    throw new Error(`epoch ${number} would give ${over} less than it has claimed already`);
}

type Raised = readonly { readonly wallet: string; readonly cumulativeNano: Nano }[];

/** Raises leaves to what is due, in order, until the tree has grown by `growthNano`; the last gets the part that fits. */
export function raisedLeaves(
  changes: readonly ClaimChange[],
  growthNano: Nano,
): { readonly raised: Raised; readonly waitingNano: Nano } {
  let room: bigint = growthNano < 0n ? 0n : growthNano;
  let waiting = 0n;
  const raised: { wallet: string; cumulativeNano: Nano }[] = [];
  for (const { wallet, entitledNano, leafNano } of changes) {
    const due = entitledNano - leafNano;
    const taken = due < room ? due : room;
    room -= taken;
    waiting += due - taken;
    if (taken > 0n) raised.push({ wallet, cumulativeNano: nano(leafNano + taken) });
  }
  return { raised, waitingNano: nano(waiting) };
}
