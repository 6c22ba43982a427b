// Which model a conversation talks to, and starting afresh. Used by create-marketplace.ts.
// Closing a conversation keeps its chosen model: the next one starts with it and without the earlier turns.
import { type Tx, transact } from '../db/database.ts';
import {
  closeConversation,
  openConversation,
  setConversationModel,
} from '../db/repositories/conversation-repository.ts';
import { getModel, getModelBySlug } from '../db/repositories/model-repository.ts';
import type { Conversation, Model } from '../db/schema.ts';
import type { AskInput, Person } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';

type Key = AskInput['conversationKey'];

/** The person's open conversation in this place, made if there is none. */
export async function conversationOf(tx: Tx, key: Key, person: Pick<Person, 'id'>): Promise<Conversation> {
  const { platform, conversationId: platformConversationId } = key;
  return await openConversation(tx, { platform, platformConversationId, personId: person.id });
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
