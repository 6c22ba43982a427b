/**
 * The transactions that were signed to post an epoch: stored before they are sent, replaced ones kept, so that a restart sends
 * the same again and any of them that is mined is known as ours. Used by marketplace/payouts.
 */
import type { Database, Tx } from '../database.ts';
import type { Posting, PostingState } from '../schema-epoch.ts';

/** Oldest first. */
export async function postingsOf(db: Database, epochNumber: number): Promise<readonly Posting[]> {
  return db
    .selectFrom('posting')
    .selectAll()
    .where('epochNumber', '=', epochNumber)
    .orderBy('attempt')
    .execute();
}

export async function addPosting(
  tx: Tx,
  posting: Pick<Posting, 'epochNumber' | 'attempt' | 'txHash' | 'nonce' | 'raw' | 'signedAt'>,
): Promise<void> {
  await tx.insertInto('posting').values(posting).execute();
}

export async function movePosting(
  db: Database,
  { epochNumber, attempt }: Pick<Posting, 'epochNumber' | 'attempt'>,
  change: { readonly state: PostingState; readonly sentAt?: Date; readonly cause?: string },
): Promise<void> {
  await db
    .updateTable('posting')
    .set(change)
    .where('epochNumber', '=', epochNumber)
    .where('attempt', '=', attempt)
    .execute();
}
