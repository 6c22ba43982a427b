// The messages of a call's prompt: earlier turns of the conversation, then the question. Used by quote.ts when a call
// starts, and afterwards by attribute-call.ts and feedback/read-preferences.ts, so that all see the same prompt. Knows no
// chat template (the engine does).
// Invariant: history is whole turns (question and answer together), oldest dropped first.
import type { Database } from '../db/database.ts';
import type { Call, Conversation, Message, ModelVersion } from '../db/schema.ts';
import type { ChatMessage } from '../engine/engine.ts';
import type { MarketplaceSettings } from './marketplace-settings.ts';

/** Messages of history a model version takes: its recipe's `historyMessagesMax`, else the marketplace's. */
export function historyMessagesMax(version: ModelVersion, settings: MarketplaceSettings): number {
  const own = version.recipe.historyMessagesMax;
  return typeof own === 'number' ? own : settings.historyMessagesMax;
}

/**
 * The newest whole turns of the conversation, at most `messagesMax` messages, oldest first.
 * @param beforeSeq only messages before this one (for a call that has been answered since)
 */
export async function conversationHistory(
  db: Database,
  conversationId: Conversation['id'],
  messagesMax: number,
  beforeSeq = Number.MAX_SAFE_INTEGER,
): Promise<readonly Message[]> {
  if (messagesMax < 2) return [];
  const newest = await db
    .selectFrom('message')
    .selectAll()
    .where('conversationId', '=', conversationId)
    .where('seq', '<', Math.min(beforeSeq, 2_147_483_647))
    .orderBy('seq', 'desc')
    .limit(messagesMax - (messagesMax % 2))
    .execute();
  const oldestFirst = newest.toReversed();
  const firstQuestion = oldestFirst.findIndex((message) => message.role === 'user');
  return firstQuestion < 0 ? [] : oldestFirst.slice(firstQuestion);
}

export function promptMessages(history: readonly Message[], question: string): readonly ChatMessage[] {
  return [...history.map(({ role, content }) => ({ role, content })), { role: 'user', content: question }];
}

/** The prompt of a call that was answered, as it was then. */
export async function messagesOfCall(
  db: Database,
  call: Pick<Call, 'id' | 'conversationId' | 'prompt'>,
  messagesMax: number,
): Promise<readonly ChatMessage[]> {
  const turn = await db
    .selectFrom('message')
    .select('seq')
    .where('callId', '=', call.id)
    .where('role', '=', 'user')
    .executeTakeFirst();
  const history =
    call.conversationId === null || turn === undefined
      ? []
      : await conversationHistory(db, call.conversationId, messagesMax, turn.seq);
  return promptMessages(history, call.prompt);
}
