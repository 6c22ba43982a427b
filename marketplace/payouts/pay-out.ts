// Puts what people earned, and what they asked back of their own, into their wallets' claimable account, before an epoch is
// cut. Used by settle-epochs.ts. Each owner is one transaction, so that no account of a busy owner is locked for long; a
// death in between leaves some paid, and the next cut finds their money in claimable. Idempotent by epoch and owner.
// Only called while the books are sound and the vault stands where our epochs say.
import type { VaultState } from '../../contracts/client/chain.ts';
import { type Database, transact } from '../../db/database.ts';
import { addNano, type Nano, nano, subtractNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import { payout } from '../../db/ledger/payout.ts';
import { bookedClaims, entitledTotal } from '../../db/repositories/epoch-leaf-repository.ts';
import {
  addWithdrawal,
  endWithdrawal,
  openWithdrawal,
  paymentFigures,
  payoutsDue,
  recordPayout,
} from '../../db/repositories/payout-repository.ts';
import { isLinkedTo } from '../../db/repositories/wallet-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type PayoutRoom, type PlannedPayout, planPayouts } from './plan-payouts.ts';
import { cappedNano, depositedNano } from './vault-standing.ts';

type Market = Pick<MarketplaceContext, 'db' | 'settings' | 'log'>;

/**
 * @param epochNumber the epoch that will be cut next
 * @param postedNano the claims total that the vault has now
 * @returns what is due and found no room
 */
export async function payOut(
  market: Market,
  vault: VaultState,
  { epochNumber, postedNano }: { readonly epochNumber: number; readonly postedNano: Nano },
): Promise<Nano> {
  const { db, settings } = market;
  const due = await payoutsDue(db, { wallets: settings.payoutWallets, leastNano: settings.payoutLeastNano });
  const room = await roomNow(db, vault, postedNano);
  const plan = planPayouts(due, room);
  for (const planned of plan.payouts) await payOne(market, epochNumber, planned);
  if (plan.waitingNano > 0n) {
    market.log.warn(
      { epoch: epochNumber, waitingNano: String(plan.waitingNano) },
      'payouts wait for room: the growth cap or the coins in the vault do not cover them yet',
    );
  }
  return plan.waitingNano;
}

/** Coins are counted as the chain has them and as final deposits have been booked; the lower figure holds. */
async function roomNow(db: Database, vault: VaultState, postedNano: Nano): Promise<PayoutRoom> {
  const { vaultNano, ownNano, claimableNano } = await paymentFigures(db);
  const booked = addNano(nano(-vaultNano), await bookedClaims(db));
  const deposited = depositedNano(vault) < booked ? depositedNano(vault) : booked;
  const entitled = await entitledTotal(db);
  const capped = subtractNano(cappedNano(vault, postedNano), entitled);
  const covered = subtractNano(deposited, entitled);
  return {
    totalNano: capped < covered ? capped : covered,
    earnedNano: nano(-vaultNano - ownNano - claimableNano),
  };
}

/**
 * What was asked back and found no room stays asked for.
 * A source that shrank since the plan was made (a refund, an answer bought) makes the owner wait for the next epoch.
 */
async function payOne(
  market: Market,
  epochNumber: number,
  { due, ownNano, earned }: PlannedPayout,
): Promise<void> {
  const { ownerId, wallet, withdrawalId, isPerson } = due;
  const earnedNano = addNano(...earned.map(({ amountNano }) => amountNano));
  await transact(market.db, async (tx) => {
    // Unlinked or replaced since the plan was made: perhaps because its key is in other hands.
    if (isPerson && !(await isLinkedTo(tx, ownerId, wallet))) return;
    const asked = withdrawalId === null ? undefined : await openWithdrawal(tx, ownerId);
    const own = asked?.id === withdrawalId && asked !== undefined ? ownNano : ZERO_NANO;
    if (own + earnedNano === 0n) return;
    if (!(await recordPayout(tx, { epochNumber, ownerId, wallet, earnedNano, ownNano: own }))) return;
    const sources = [
      ...earned.map((source) => ({ ...source, ownerId })),
      ...(own > 0n ? [{ kind: 'user' as const, ownerId, amountNano: own }] : []),
    ];
    const paid = await payout(tx, { key: `payout:${epochNumber}:${ownerId}`, wallet, sources });
    if (!paid.ok) throw new PayoutShrank(paid.code);
    if (asked !== undefined && own > 0n) {
      await endWithdrawal(tx, asked.id, { state: 'paid', paidNano: own, epochNumber });
      const restNano = subtractNano(due.ownNano, own);
      if (restNano > 0n) await addWithdrawal(tx, ownerId, restNano);
    }
  }).catch((fault: unknown) => {
    if (!(fault instanceof PayoutShrank)) throw fault;
    market.log.info({ ownerId, code: fault.message }, 'a payout waits for the next epoch');
  });
}

/** Rolls the transaction back: its row and its transfer are one. */
class PayoutShrank extends Error {}
