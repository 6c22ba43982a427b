// Conversation ids and message references of Telegram as strings, and back (round-trip tested). Used by inbound, sender
// and responder. "chat", "chat/topic", and in groups ":user" after it: everybody has a conversation of their own.
// A message reference is "m" (everybody's) or "e" (seen by one person only), then chat, topic, message and user.
import type { MessageRef } from '../core/platform.ts';

export interface TelegramPlace {
  readonly chatId: number;
  readonly threadId: number | null;
  /** Set in shared places. */
  readonly userId: number | null;
}

export const conversationIdOf = ({ chatId, threadId, userId }: TelegramPlace): string =>
  `${chatId}${threadId === null ? '' : `/${threadId}`}${userId === null ? '' : `:${userId}`}`;

/** @throws RangeError for an id that this platform did not write */
export function placeOf(conversationId: string): TelegramPlace {
  const match = /^(-?\d+)(?:\/(\d+))?(?::(\d+))?$/.exec(conversationId);
  if (match === null) throw new RangeError('Not a Telegram conversation id.');
  return {
    chatId: Number(match[1]),
    threadId: match[2] === undefined ? null : Number(match[2]),
    userId: match[3] === undefined ? null : Number(match[3]),
  };
}

interface TelegramMessage {
  readonly chatId: number;
  readonly threadId: number | null;
  readonly messageId: number;
  /** Set when only this person sees it; then messageId counts ephemeral messages. */
  readonly receiverId: number | null;
}

export const messageRefOf = ({ chatId, threadId, messageId, receiverId }: TelegramMessage): MessageRef =>
  [receiverId === null ? 'm' : 'e', chatId, threadId ?? '', messageId, receiverId ?? ''].join(
    '|',
  ) as MessageRef;

/** @throws RangeError for a reference that this platform did not write */
export function messageOf(ref: MessageRef): TelegramMessage {
  const [kind, chatId, threadId, messageId, receiverId] = ref.split('|');
  if ((kind !== 'm' && kind !== 'e') || !chatId || !messageId) {
    throw new RangeError('Not a Telegram message reference.');
  }
  return {
    chatId: Number(chatId),
    threadId: threadId ? Number(threadId) : null,
    messageId: Number(messageId),
    receiverId: kind === 'e' ? Number(receiverId) : null,
  };
}
