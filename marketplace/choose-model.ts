// Which model a conversation talks to, and starting afresh. Used by create-marketplace.ts.
// Closing a conversation keeps its chosen model: the next one starts with it and without the earlier turns.
import { type Tx, transact } from '../db/database.ts';
import { newId } from '../db/new-id.ts';
import { closeConversation, setConversationModel } from '../db/repositories/conversation-repository.ts';
import { getModel, getModelBySlug } from '../db/repositories/model-repository.ts';
import type { Conversation, Model } from '../db/schema.ts';
import type { AskInput, Person } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';

type Key = AskInput['conversationKey'];

/** The person's open conversation in this place, made if there is none; read first, since it nearly always exists. */
export async function conversationOf(tx: Tx, key: Key, person: Pick<Person, 'id'>): Promise<Conversation> {
  const { platform, conversationId: platformConversationId } = key;
  const place = { platform, platformConversationId, personId: person.id };
  const find = () =>
    tx
      .selectFrom('conversation')
      .selectAll()
      .where('platform', '=', platform)
      .where('platformConversationId', '=', platformConversationId)
      .where('personId', '=', person.id)
      .where('state', '=', 'open');
  const known = await find().executeTakeFirst();
  if (known !== undefined) return known;
  await tx
    .insertInto('conversation')
    .values({ ...place, id: newId('conv') })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return await find().executeTakeFirstOrThrow();
}

/** Chooses a listed model; undefined when there is none with this slug. */
export async function chooseModel(
  { db }: Pick<MarketplaceContext, 'db'>,
  input: { readonly person: Person; readonly conversationKey: Key; readonly slug: string },
): Promise<Model | undefined> {
  const model = await getModelBySlug(db, input.slug);
  if (model === undefined || model.state !== 'listed' || model.currentVersionId === null) return undefined;
  await transact(db, async (tx) => {
    const conversation = await conversationOf(tx, input.conversationKey, input.person);
    await setConversationModel(tx, conversation.id, model.id);
  });
  return model;
}

/** The conversation's model, retired or not; undefined when none was chosen. */
export async function chosenModel(
  { db }: Pick<MarketplaceContext, 'db'>,
  key: Key,
  person: Person,
): Promise<Model | undefined> {
  const { modelId } = await transact(db, (tx) => conversationOf(tx, key, person));
  return modelId === null ? undefined : await getModel(db, modelId);
}

export async function newConversation(
  { db }: Pick<MarketplaceContext, 'db'>,
  key: Key,
  person: Person,
): Promise<void> {
  await transact(db, async (tx) => {
    const before = await conversationOf(tx, key, person);
    await closeConversation(tx, before.id);
    const after = await conversationOf(tx, key, person);
    await setConversationModel(tx, after.id, before.modelId);
  });
}
