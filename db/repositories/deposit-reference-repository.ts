/**
 * The 32 bytes by which a deposit names the person it is for, made once a person, and the private chat in which they want
 * to hear of it.
 */
import type { Database, Tx } from '../database.ts';
import type { DepositReference } from '../schema-wallet.ts';

interface NewsPlace {
  readonly platform: string;
  readonly conversationId: string;
}

/** The person's reference: the one made before, else `fresh`. */
export async function ensureDepositReference(
  db: Database | Tx,
  personId: string,
  fresh: string,
): Promise<string> {
  await db
    .insertInto('depositReference')
    .values({ ref: fresh, personId })
    .onConflict((conflict) => conflict.column('personId').doNothing())
    .execute();
  const { ref } = await db
    .selectFrom('depositReference')
    .select('ref')
    .where('personId', '=', personId)
    .executeTakeFirstOrThrow();
  return ref;
}

export async function personOfReference(db: Database | Tx, ref: string): Promise<string | undefined> {
  const found = await db
    .selectFrom('depositReference')
    .select('personId')
    .where('ref', '=', ref)
    .executeTakeFirst();
  return found?.personId;
}

/** News of the person's money goes there from now on. */
export async function setNewsPlace(db: Database | Tx, personId: string, place: NewsPlace): Promise<void> {
  await db
    .updateTable('depositReference')
    .set({ newsPlatform: place.platform, newsConversationId: place.conversationId })
    .where('personId', '=', personId)
    .execute();
}

/** Undefined while the person has never asked for deposits or a wallet in private. */
export async function newsPlaceOf(db: Database | Tx, personId: string): Promise<NewsPlace | undefined> {
  const row: Pick<DepositReference, 'newsPlatform' | 'newsConversationId'> | undefined = await db
    .selectFrom('depositReference')
    .select(['newsPlatform', 'newsConversationId'])
    .where('personId', '=', personId)
    .executeTakeFirst();
  if (!row || row.newsPlatform === null || row.newsConversationId === null) return undefined;
  return { platform: row.newsPlatform, conversationId: row.newsConversationId };
}
