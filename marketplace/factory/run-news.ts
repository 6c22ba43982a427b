// News of a training run for every conversation that watches it, as jobs written in the transaction that made the news
// true: told at least once, under a key that stays the same when told again. Used by start-training.ts and
// train-version.ts.
import type { Tx } from '../../db/database.ts';
import { watchersOf } from '../../db/repositories/training-run-repository.ts';
import { enqueueJob } from '../jobs/enqueue-job.ts';
import type { MarketplaceNews } from '../marketplace.ts';

export async function newsOfRun(
  tx: Tx,
  runId: string,
  news: Pick<MarketplaceNews, 'kind' | 'datanetTitle' | 'text'> & {
    /** Tells news of one kind apart: which step. */
    readonly key?: string;
  },
): Promise<void> {
  const { kind, datanetTitle, text, key } = news;
  for (const conversation of await watchersOf(tx, runId)) {
    await enqueueJob(tx, 'tell-news', {
      key: `${runId}:${kind}${key === undefined ? '' : `:${key}`}:${conversation.id}`,
      platform: conversation.platform,
      conversationId: conversation.platformConversationId,
      kind,
      datanetTitle,
      text,
    });
  }
}
