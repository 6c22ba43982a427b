// News of a person's own money, for the private chat in which they asked for deposits or a wallet: a job in the transaction
// that made the news true. Nothing is told in shared places, and nothing to who never asked in private. Used by the watcher
// and the linking of wallets.
import type { Tx } from '../../db/database.ts';
import { newsPlaceOf } from '../../db/repositories/deposit-reference-repository.ts';
import { enqueueJob } from '../jobs/enqueue-job.ts';
import type { MarketplaceNews } from '../marketplace.ts';

type MoneyNews = Pick<MarketplaceNews, 'kind' | 'text'> & {
  /** Tells news apart; the same key is said once. */
  readonly key: string;
};

export async function tellPerson(tx: Tx, personId: string, { kind, text, key }: MoneyNews): Promise<void> {
  const place = await newsPlaceOf(tx, personId);
  if (place === undefined) return;
  await enqueueJob(tx, 'tell-news', { key, ...place, kind, datanetTitle: 'Your wallet', text });
}
