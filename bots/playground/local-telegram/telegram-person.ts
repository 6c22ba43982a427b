// What a person can do in a Telegram app: write, press a button, stop a draft, block the bot. Each becomes updates
// for the bot. Used by the playground's own HTTP interface (page and test driver). Knows nothing of the Bot API's HTTP.

import { randomUUID } from 'node:crypto';
import type { Message } from '@grammyjs/types';
import type { PersonView } from '../page/view-types.ts';
import { cleanFormattedText, detectEntities } from './formatted-text.ts';
import { TELEGRAM_LIMITS } from './local-telegram-limits.ts';
import type { StoredMessage, TelegramWorld } from './telegram-world.ts';

type PersonRefusal = { readonly ok: false; readonly error: string };
type PersonDone = {
  readonly ok: true;
  readonly message_ids?: readonly number[];
  readonly query_id?: string;
};

/** Sends `text` as an app would: over 4096 characters it becomes several messages. */
export function sendAsPerson(
  world: TelegramWorld,
  person: PersonView,
  text: string,
  replyTo: number | undefined,
): PersonDone | PersonRefusal {
  if (cleanFormattedText({ text, entities: [] }).text === '') return { ok: false, error: 'empty_message' };
  const { prompt, started, blocked } = world.chatState(person);
  if (blocked) return { ok: false, error: 'bot_blocked' };
  if (!started) world.setChatState(person, { started: true });
  const repliedId = replyTo ?? prompt?.force_reply_to;
  const replied = repliedId === undefined ? undefined : world.message(person.telegramId, repliedId);
  if (prompt?.force_reply_to !== undefined) world.setChatState(person, { prompt: null });

  const messageIds = splitAsApp(text).map((part, index) => {
    const formatted = detectEntities(cleanFormattedText({ text: part, entities: [] }));
    const { reply_to_message: _, ...flatReply } = replied ?? ({} as StoredMessage);
    const message = {
      message_id: world.newMessageId(),
      from: world.userOf(person),
      chat: world.chatOf(person),
      date: Math.floor(world.clock.now() / 1000),
      text: formatted.text,
      ...(formatted.entities.length > 0 ? { entities: [...formatted.entities] } : {}),
      ...(replied && index === 0 ? { reply_to_message: flatReply as Message['reply_to_message'] } : {}),
    } as StoredMessage;
    world.saveMessage(person, message);
    world.updates.push('message', message as Message & { chat: typeof message.chat } as never);
    return message.message_id;
  });
  return { ok: true, message_ids: messageIds };
}

/** Cuts at a line end or a space in the last quarter of a part, never inside a surrogate pair. */
function splitAsApp(text: string): string[] {
  const parts: string[] = [];
  let rest = text.trim();
  const size = TELEGRAM_LIMITS.textChars;
  while (rest.length > size) {
    const soft = Math.max(rest.lastIndexOf('\n', size), rest.lastIndexOf(' ', size));
    let cut = soft > size * 0.75 ? soft : size;
    if (/[\uD800-\uDBFF]/.test(rest[cut - 1])) cut -= 1;
    parts.push(rest.slice(0, cut));
    rest = rest.slice(cut).trimStart();
  }
  return [...parts, rest].filter((part) => part.trim() !== '');
}

/** Presses the inline button that carries `data` under a message; pressing an old one is allowed, as in the app. */
export function pressAsPerson(
  world: TelegramWorld,
  person: PersonView,
  messageId: number,
  data: string,
): PersonDone | PersonRefusal {
  const message = world.message(person.telegramId, messageId);
  if (message === undefined) return { ok: false, error: 'message_not_found' };
  const buttons = message.reply_markup?.inline_keyboard.flat() ?? [];
  const button = buttons.find(
    (candidate) => 'callback_data' in candidate && candidate.callback_data === data,
  );
  if (button === undefined) return { ok: false, error: 'button_not_found' };
  const query = {
    id: `${person.telegramId}${randomUUID().replace(/\D/g, '').slice(0, 10)}`,
    from: world.userOf(person),
    message: message as Message,
    chat_instance: String(person.telegramId * 7919),
    data,
  };
  world.openQuery(query);
  world.updates.push('callback_query', query);
  return { ok: true, query_id: query.id };
}

export function stopDraftAsPerson(world: TelegramWorld, person: PersonView): PersonDone | PersonRefusal {
  const draftId = world.stopDraft(person);
  if (draftId === undefined) return { ok: false, error: 'nothing_to_stop' };
  world.updates.push('stopped_message_generation', { chat: world.chatOf(person), draft_id: draftId });
  return { ok: true };
}

/** Takes away the reply or the ready answers the bot asked for; the bot hears nothing of it. */
export function dropReplyAsPerson(world: TelegramWorld, person: PersonView): PersonDone {
  world.setChatState(person, { prompt: null });
  return { ok: true };
}

/** Blocks or unblocks the bot; the bot hears of it and its next sends are refused with 403. */
export function setBlockedAsPerson(world: TelegramWorld, person: PersonView, blocked: boolean): PersonDone {
  const before = world.chatState(person).blocked;
  if (before === blocked) return { ok: true };
  world.setChatState(person, { blocked });
  const user = world.bot;
  const member = { status: 'member', user } as const;
  const kicked = { status: 'kicked', user, until_date: 0 } as const;
  world.updates.push('my_chat_member', {
    chat: world.chatOf(person),
    from: world.userOf(person),
    date: Math.floor(world.clock.now() / 1000),
    old_chat_member: before ? kicked : member,
    new_chat_member: blocked ? kicked : member,
  });
  return { ok: true };
}
