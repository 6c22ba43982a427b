// A person asks for paid-in OPEN back: it goes to their wallet with the next epoch. Used by claim-verbs.ts. Until the epoch is
// cut the wish can be changed or taken back, and the money can still be spent: then less goes out. Only what was paid in can
// be asked back, never a gift. One wish a person; the newest holds.
import { transact } from '../../db/database.ts';
import { type Nano, parseOpen, ZERO_NANO } from '../../db/ledger/amount.ts';
import { balances } from '../../db/ledger/balances.ts';
import { addWithdrawal, endWithdrawal, openWithdrawal } from '../../db/repositories/payout-repository.ts';
import { lockAddress, walletOfPerson } from '../../db/repositories/wallet-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { AskBackResult } from './claim-views.ts';
import { nextEpochAt } from './read-claims.ts';

/** @param typed an amount of OPEN, `all`, or `none` */
export async function askBack(
  market: Pick<MarketplaceContext, 'db' | 'chain' | 'settings' | 'clock'>,
  personId: string,
  typed: string,
): Promise<AskBackResult> {
  const { db, chain } = market;
  const word = typed.trim().toLowerCase();
  if (word === 'none' || word === '0') return { ok: true, cancelledNano: await takeBack(market, personId) };
  if (chain === null) return { ok: false, code: 'no_chain' };
  const parsed = word === 'all' ? null : parseOpen(typed);
  if (parsed !== null && !parsed.ok) return parsed;
  const epochAt = await nextEpochAt(market);
  return await transact(db, async (tx) => {
    await lockAddress(tx, personId); // two wishes at once: the later one holds
    if ((await walletOfPerson(tx, personId)) === undefined) return { ok: false, code: 'no_wallet' };
    const { balanceNano: availableNano } = await balances(tx, personId);
    const askedNano = parsed?.amountNano ?? availableNano;
    if (askedNano === 0n || askedNano > availableNano)
      return { ok: false, code: 'balance_too_low', neededNano: askedNano, availableNano };
    const open = await openWithdrawal(tx, personId);
    if (open !== undefined) await endWithdrawal(tx, open.id, { state: 'replaced' });
    await addWithdrawal(tx, personId, askedNano);
    return { ok: true, askedNano, nextEpochAt: epochAt };
  });
}

/** @returns what had been asked for; 0 = nothing */
async function takeBack({ db }: Pick<MarketplaceContext, 'db'>, personId: string): Promise<Nano> {
  return await transact(db, async (tx) => {
    const open = await openWithdrawal(tx, personId);
    if (open === undefined) return ZERO_NANO;
    return (await endWithdrawal(tx, open.id, { state: 'cancelled' })) ? open.amountNano : ZERO_NANO;
  });
}
