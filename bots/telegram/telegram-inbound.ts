// Raw Telegram updates as our events, with what is needed to answer them. Pure. Used by telegram-platform.ts.
// In groups only what is meant for the bot: commands, mentions, replies to it. Everything else (other bots, other talk,
// edited messages, business accounts) becomes null. A picture or voice message in private arrives as an empty text.
import type { CallbackQuery, Message, MessageGenerationStopped, Update, User } from 'grammy/types';
import { parseCommand } from '../core/parse-command.ts';
import type { CommandDefinition, Inbound, Source } from '../core/platform.ts';
import { isFormPrompt } from './telegram-forms.ts';
import { conversationIdOf, messageRefOf, type TelegramPlace } from './telegram-ids.ts';

export const TELEGRAM = 'telegram';

/** The updates that this file reads; asked for by name, because Telegram keeps the last list it was given. */
export const ALLOWED_UPDATES = ['message', 'callback_query', 'stopped_message_generation'] as const;

export interface UpdateFacts {
  readonly place: TelegramPlace;
  readonly isPrivate: boolean;
  /** In groups: the message that is answered. */
  readonly replyTo: number | null;
  /** The press to be answered. */
  readonly callbackId: string | null;
  /** A reply to one of our form prompts. */
  readonly answersPrompt: boolean;
}

export interface UpdateEvent {
  readonly inbound: Inbound;
  readonly facts: UpdateFacts;
}

interface BotIdentity {
  readonly id: number;
  readonly username: string;
}

const nameOf = ({ first_name, last_name }: Pick<User, 'first_name' | 'last_name'>): string =>
  [first_name, last_name].filter(Boolean).join(' ');

function placeOfMessage(message: Message, userId: number): TelegramPlace {
  const isPrivate = message.chat.type === 'private';
  return {
    chatId: message.chat.id,
    threadId: message.is_topic_message ? (message.message_thread_id ?? null) : null,
    userId: isPrivate ? null : userId,
  };
}

const sourceOf = (place: TelegramPlace, user: Pick<User, 'id' | 'first_name' | 'last_name'>): Source => ({
  platform: TELEGRAM,
  userId: String(user.id),
  displayName: nameOf(user),
  conversationId: conversationIdOf(place),
  isPrivate: place.userId === null,
});

function readMessage(
  message: Message,
  bot: BotIdentity,
  definitions: readonly CommandDefinition[],
): UpdateEvent | null {
  const { from } = message;
  if (from === undefined || from.is_bot || message.via_bot !== undefined) return null;
  const isPrivate = message.chat.type === 'private';
  const typed = message.text ?? message.caption;
  if (typed === undefined && (!isPrivate || isServiceMessage(message))) return null;
  const command = parseCommand(typed ?? '', definitions);
  const mention = new RegExp(`@${bot.username}\\b`, 'gi');
  const toBot = message.reply_to_message?.from?.id === bot.id;
  if (command !== null && command.addressee !== null && command.addressee !== bot.username.toLowerCase())
    return null;
  if (!isPrivate && command === null && !toBot && !mention.test(typed ?? '')) return null;

  const place = placeOfMessage(message, from.id);
  const source = sourceOf(place, from);
  // Message numbers start again when a bot's history is lost; together with the time they do not repeat.
  const eventId = `${TELEGRAM}:m:${message.chat.id}:${message.message_id}:${message.date}`;
  const inbound: Inbound =
    command === null
      ? { kind: 'text', eventId, source, text: (typed ?? '').replace(mention, ' ').trim() }
      : { kind: 'command', eventId, source, name: command.name, args: command.args };
  const answersPrompt = toBot && isFormPrompt(message.reply_to_message?.text);
  return {
    inbound,
    facts: {
      place,
      isPrivate,
      replyTo: isPrivate ? null : message.message_id,
      callbackId: null,
      answersPrompt,
    },
  };
}

/** Joins, pins and the like: no person said anything. */
const isServiceMessage = (message: Message): boolean =>
  ![
    'photo',
    'voice',
    'audio',
    'video',
    'video_note',
    'document',
    'sticker',
    'animation',
    'location',
    'contact',
    'poll',
  ].some((kind) => kind in message);

function readPress(query: CallbackQuery): UpdateEvent | null {
  const { message, data, from } = query;
  if (message === undefined || data === undefined) return null;
  const isPrivate = message.chat.type === 'private';
  const whole = 'from' in message ? (message as Message) : null;
  const place: TelegramPlace =
    whole !== null
      ? placeOfMessage(whole, from.id)
      : { chatId: message.chat.id, threadId: null, userId: isPrivate ? null : from.id };
  const ephemeralId = whole?.ephemeral_message_id;
  const inbound: Inbound = {
    kind: 'press',
    eventId: `${TELEGRAM}:c:${query.id}`,
    source: sourceOf(place, from),
    action: data,
    message: messageRefOf({
      chatId: place.chatId,
      threadId: place.threadId,
      messageId: ephemeralId ?? message.message_id,
      receiverId: ephemeralId === undefined ? null : from.id,
    }),
  };
  return { inbound, facts: { place, isPrivate, replyTo: null, callbackId: query.id, answersPrompt: false } };
}

function readStop(
  { chat, message_thread_id, draft_id }: MessageGenerationStopped,
  updateId: number,
): UpdateEvent {
  const place: TelegramPlace = { chatId: chat.id, threadId: message_thread_id ?? null, userId: null };
  const source = sourceOf(place, { id: chat.id, first_name: chat.first_name, last_name: chat.last_name });
  return {
    inbound: { kind: 'stop', eventId: `${TELEGRAM}:s:${updateId}:${draft_id}`, source },
    facts: { place, isPrivate: true, replyTo: null, callbackId: null, answersPrompt: false },
  };
}

/** One update as an event; null for what we do not serve. */
export function readUpdate(
  update: Update,
  bot: BotIdentity,
  definitions: readonly CommandDefinition[],
): UpdateEvent | null {
  if (update.message !== undefined) return readMessage(update.message, bot, definitions);
  if (update.callback_query !== undefined) return readPress(update.callback_query);
  if (update.stopped_message_generation !== undefined) {
    return readStop(update.stopped_message_generation, update.update_id);
  }
  return null;
}
