// Whether an answer stands in a place: its words, and what is found by them, are shown there and nowhere else. A receipt tells a
// call's id to everybody, and a changed app can press any button with it; the place of a press is the platform's own word.
// Used by read-provenance.ts and sentence-makers.ts. Reads only.
import type { Database } from '../../db/database.ts';
import { getConversation } from '../../db/repositories/conversation-repository.ts';
import type { Call } from '../../db/schema.ts';
import type { AskInput } from '../marketplace.ts';

/** @param place where somebody looks; undefined = nowhere in particular */
export async function standsIn(
  db: Database,
  { conversationId }: Pick<Call, 'conversationId'>,
  place: AskInput['conversationKey'] | undefined,
): Promise<boolean> {
  if (place === undefined || conversationId === null) return false;
  const conversation = await getConversation(db, conversationId);
  return (
    conversation?.platform === place.platform && conversation.platformConversationId === place.conversationId
  );
}
