/**
 * Conversations (a person's talk with one model in one place of a platform) and their messages, numbered from 1.
 * A person has at most one open conversation per place; closing it makes the next message start afresh.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import type { Conversation, Message, MessageRole } from '../schema.ts';

/** The open conversation of this person in this place, made if there is none. */
export async function openConversation(
  tx: Tx,
  place: { readonly platform: string; readonly platformConversationId: string; readonly personId: string },
): Promise<Conversation> {
  const { platform, platformConversationId, personId } = place;
  const find = () =>
    tx
      .selectFrom('conversation')
      .selectAll()
      .where('platform', '=', platform)
      .where('platformConversationId', '=', platformConversationId)
      .where('personId', '=', personId)
      .where('state', '=', 'open');
  // Read first, since it nearly always exists. No conflict target: the predicate of the partial index would have to be a
  // literal there, and a query builder sends a parameter, which a cached generic plan refuses (42P10).
  const known = await find().executeTakeFirst();
  if (known !== undefined) return known;
  await tx
    .insertInto('conversation')
    .values({ id: newId('conv'), ...place })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return find().executeTakeFirstOrThrow();
}

export async function getConversation(db: Database, id: string): Promise<Conversation | undefined> {
  return db.selectFrom('conversation').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Where somebody talked last, found by `platform:userId`; undefined = never here. */
export async function latestConversationOf(
  db: Database,
  identity: string,
): Promise<Conversation | undefined> {
  const [platform, platformUserId] = identity.split(':', 2);
  return db
    .selectFrom('conversation')
    .selectAll('conversation')
    .innerJoin('identity', (join) =>
      join
        .onRef('identity.personId', '=', 'conversation.personId')
        .onRef('identity.platform', '=', 'conversation.platform'),
    )
    .where('identity.platform', '=', platform)
    .where('identity.platformUserId', '=', platformUserId)
    .orderBy('conversation.updatedAt', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export async function setConversationModel(tx: Tx, id: string, modelId: string | null): Promise<void> {
  await tx.updateTable('conversation').set({ modelId, updatedAt: sql`now()` }).where('id', '=', id).execute();
}

export async function closeConversation(tx: Tx, id: string): Promise<void> {
  await tx
    .updateTable('conversation')
    .set({ state: 'closed', updatedAt: sql`now()` })
    .where('id', '=', id)
    .execute();
}

/** Appends a message and returns it with its number; parallel appends get different numbers. */
export async function appendMessage(
  tx: Tx,
  message: {
    readonly conversationId: string;
    readonly role: MessageRole;
    readonly content: string;
    readonly callId?: string;
  },
): Promise<Message> {
  const { messageCount } = await tx
    .updateTable('conversation')
    .set({ messageCount: sql`message_count + 1`, updatedAt: sql`now()` })
    .where('id', '=', message.conversationId)
    .returning('messageCount')
    .executeTakeFirstOrThrow();
  return tx
    .insertInto('message')
    .values({ ...message, callId: message.callId ?? null, seq: messageCount })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** The newest `limit` messages, oldest first. */
export async function recentMessages(
  db: Database,
  conversationId: string,
  limit: number,
): Promise<readonly Message[]> {
  const newest = await db
    .selectFrom('message')
    .selectAll()
    .where('conversationId', '=', conversationId)
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
  return newest.reverse();
}
