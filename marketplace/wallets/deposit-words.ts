// Amounts of coins as news and logs write them. Used by the watcher. Pure.
import { formatOpen } from '../../db/ledger/amount.ts';
import { nanoOfWei } from './wei.ts';

/** "1.25 OPEN" from wei; what is less than one nano is named as wei. */
export function amountInWords(wei: bigint): string {
  const { amountNano, restWei } = nanoOfWei(wei);
  return restWei === 0n
    ? `${formatOpen(amountNano)} OPEN`
    : `${formatOpen(amountNano)} OPEN and ${restWei} wei`;
}
