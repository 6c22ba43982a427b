// Amounts of coins as news and logs write them, and which are worth news. Used by the watcher. Pure.
import { formatOpen, openNano } from '../../db/ledger/amount.ts';
import { nanoOfWei } from './wei.ts';

/** Whoever has seen a reference on chain can deposit under it: crumbs are credited and shown by /deposit, and wake nobody. */
const NEWS_LEAST_NANO = openNano('0.001');

export const isWorthNews = (wei: bigint): boolean => nanoOfWei(wei).amountNano >= NEWS_LEAST_NANO;

/** "1.25 OPEN" from wei; what is less than one nano is named as wei. */
export function amountInWords(wei: bigint): string {
  const { amountNano, restWei } = nanoOfWei(wei);
  return restWei === 0n
    ? `${formatOpen(amountNano)} OPEN`
    : `${formatOpen(amountNano)} OPEN and ${restWei} wei`;
}
