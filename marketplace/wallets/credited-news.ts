// "Credited": what a person reads when a deposit of theirs was booked, and that less than a nano of it was not. Used by
// chain-round.ts in the transaction of the booking.
import type { Tx } from '../../db/database.ts';
import { formatOpen } from '../../db/ledger/amount.ts';
import { balances } from '../../db/ledger/balances.ts';
import type { Settlement } from '../../db/repositories/chain-event-repository.ts';
import type { DepositLog } from './deposit-owner.ts';
import { isWorthNews } from './deposit-words.ts';
import { tellPerson } from './money-news.ts';

export async function creditedNews(tx: Tx, log: DepositLog, settlement: Settlement): Promise<void> {
  const { ownerId, amountNano, restWei } = settlement;
  if (ownerId === null || amountNano === null || !isWorthNews(log.amountWei)) return;
  const rest =
    restWei === 0n
      ? ''
      : ` ${restWei} wei are less than the smallest amount of the books and stay uncredited.`;
  const { balanceNano } = await balances(tx, ownerId);
  await tellPerson(tx, ownerId, {
    kind: 'deposit_credited',
    key: `deposit-credited:${log.txHash}:${log.logIndex}`,
    text: `${formatOpen(amountNano)} OPEN credited. You have ${formatOpen(balanceNano)} OPEN of your own to spend.${rest}`,
  });
}
