// The Bot API methods by which a bot speaks: send, edit, delete, drafts, chat actions, answers to presses, files.
// Each is (world, params) -> result, refusing with the real server's sentences. Used by telegram-server.ts.

import { randomUUID } from 'node:crypto';
import type { Message } from '@grammyjs/types';
import type { PersonView } from '../page/view-types.ts';
import { pngSize } from '../png-size.ts';
import type { FormattedText } from './formatted-text.ts';
import { TELEGRAM_LIMITS } from './local-telegram-limits.ts';
import { isRecord, type MethodParams } from './method-params.ts';
import { readFormattedText } from './outgoing-text.ts';
import { type CheckedMarkup, checkReplyMarkup } from './reply-markup.ts';
import { badRequest, faults } from './telegram-faults.ts';
import type { StoredMessage, TelegramWorld } from './telegram-world.ts';

export type BotMethod = (world: TelegramWorld, params: MethodParams) => unknown;

const ACTIONS = [
  'typing',
  'upload_photo',
  'record_video',
  'upload_video',
  'record_voice',
  'upload_voice',
  'upload_document',
  'choose_sticker',
  'find_location',
  'record_video_note',
  'upload_video_note',
];

function readText(params: MethodParams): FormattedText {
  const formatted = readFormattedText(params, 'text');
  if (formatted.text === '') throw faults.textEmpty();
  if (formatted.text.length > TELEGRAM_LIMITS.textChars) throw faults.textTooLong();
  return formatted;
}

function readCaption(params: MethodParams): Partial<StoredMessage> {
  const { text, entities } = readFormattedText(params, 'caption');
  if (text.length > TELEGRAM_LIMITS.captionChars) throw faults.captionTooLong();
  if (text === '') return {};
  return { caption: text, ...(entities.length > 0 ? { caption_entities: [...entities] } : {}) };
}

const textFields = ({ text, entities }: FormattedText): Partial<StoredMessage> => ({
  text,
  ...(entities.length > 0 ? { entities: [...entities] } : {}),
});

function repliedMessage(world: TelegramWorld, params: MethodParams, chatId: number): Partial<StoredMessage> {
  const given = params.value('reply_parameters');
  const messageId = isRecord(given) ? Number(given.message_id) : params.integer('reply_to_message_id');
  if (messageId === undefined || Number.isNaN(messageId)) return {};
  const message = world.message(chatId, messageId);
  if (message === undefined) {
    const mayMiss = isRecord(given)
      ? given.allow_sending_without_reply === true
      : params.flag('allow_sending_without_reply');
    if (mayMiss) return {};
    throw faults.replyMissing();
  }
  const { reply_to_message: _, ...flat } = message;
  return { reply_to_message: flat as Message['reply_to_message'] };
}

/** Stores a new message of the bot and updates what the input field asks for. */
function post(
  world: TelegramWorld,
  person: PersonView,
  markup: CheckedMarkup,
  content: Partial<StoredMessage>,
): StoredMessage {
  const message = {
    message_id: world.newMessageId(),
    from: world.bot,
    chat: world.chatOf(person),
    date: Math.floor(world.clock.now() / 1000),
    ...content,
    ...(markup.kind === 'inline' ? { reply_markup: markup.markup } : {}),
  } as StoredMessage;
  world.setDraft(person, null);
  world.setAction(person, null);
  world.saveMessage(person, message);
  if (markup.kind === 'prompt') {
    const asked = markup.forceReply ? { force_reply_to: message.message_id } : {};
    world.setChatState(person, { prompt: markup.prompt === null ? null : { ...markup.prompt, ...asked } });
  }
  return message;
}

const sendMessage: BotMethod = (world, params) => {
  const chatId = params.chatId();
  const formatted = readText(params);
  const markup = checkReplyMarkup(params.value('reply_markup'));
  const person = world.writableChat(chatId);
  const reply = repliedMessage(world, params, chatId);
  world.pace(chatId, 'message');
  return post(world, person, markup, { ...textFields(formatted), ...reply });
};

const sendDocument: BotMethod = (world, params) => {
  const chatId = params.chatId();
  const given = params.text('document');
  const upload = params.file(given?.startsWith('attach://') ? given.slice('attach://'.length) : 'document');
  const known = upload === undefined && given !== undefined ? world.file(given) : undefined;
  if (upload === undefined && known === undefined) throw badRequest('there is no document in the request');
  if (upload !== undefined && upload.bytes.byteLength === 0) throw badRequest('file must be non-empty');
  if (upload !== undefined && upload.bytes.byteLength > TELEGRAM_LIMITS.documentBytes) {
    throw badRequest('file is too big');
  }
  const caption = readCaption(params);
  const markup = checkReplyMarkup(params.value('reply_markup'));
  const person = world.writableChat(chatId);
  const reply = repliedMessage(world, params, chatId);
  world.pace(chatId, 'message');
  const file = known ?? {
    file_id: `doc-${randomUUID()}`,
    name: upload?.name ?? 'document',
    type: upload?.type ?? 'application/octet-stream',
    base64: Buffer.from(upload?.bytes ?? []).toString('base64'),
  };
  if (known === undefined) world.saveFile(file);
  const document = {
    file_id: file.file_id,
    file_unique_id: file.file_id.slice(-12),
    file_name: file.name,
    mime_type: file.type,
    file_size: Buffer.from(file.base64, 'base64').byteLength,
  };
  return post(world, person, markup, { document, ...caption, ...reply });
};

/** Only PNG is known here; the real server takes more and makes smaller sizes, of which the largest is the last. */
const sendPhoto: BotMethod = (world, params) => {
  const chatId = params.chatId();
  const given = params.text('photo');
  const upload = params.file(given?.startsWith('attach://') ? given.slice('attach://'.length) : 'photo');
  if (upload === undefined) throw badRequest('there is no photo in the request');
  if (upload.bytes.byteLength > TELEGRAM_LIMITS.photoBytes) throw badRequest('file is too big');
  const size = pngSize(upload.bytes);
  if (size === null) throw badRequest('IMAGE_PROCESS_FAILED');
  if (size.width + size.height > TELEGRAM_LIMITS.photoSides) throw badRequest('PHOTO_INVALID_DIMENSIONS');
  const caption = readCaption(params);
  const markup = checkReplyMarkup(params.value('reply_markup'));
  const person = world.writableChat(chatId);
  const reply = repliedMessage(world, params, chatId);
  world.pace(chatId, 'message');
  const fileId = `photo-${randomUUID()}`;
  const base64 = Buffer.from(upload.bytes).toString('base64');
  world.saveFile({ file_id: fileId, name: upload.name, type: 'image/png', base64 });
  const file_size = upload.bytes.byteLength;
  const photo = [{ file_id: fileId, file_unique_id: fileId.slice(-12), file_size, ...size }];
  return post(world, person, markup, { photo, ...caption, ...reply });
};

/** The bot's own message that `chat_id` and `message_id` name. */
function editable(
  world: TelegramWorld,
  params: MethodParams,
): { person: PersonView; message: StoredMessage } {
  const chatId = params.chatId();
  const messageId = params.integer('message_id');
  if (messageId === undefined) throw badRequest('message identifier is not specified');
  const person = world.writableChat(chatId);
  const message = world.message(chatId, messageId);
  if (message === undefined) throw faults.editMissing();
  if (message.from?.id !== world.bot.id) throw faults.editForeign();
  return { person, message };
}

/** An edit keeps nothing it does not name: without reply_markup the keyboard goes. */
function applyEdit(
  world: TelegramWorld,
  params: MethodParams,
  found: { person: PersonView; message: StoredMessage },
  content: Partial<StoredMessage>,
): StoredMessage {
  const { person, message } = found;
  const markup = checkReplyMarkup(params.value('reply_markup'));
  if (markup.kind === 'prompt') throw badRequest('inline keyboard expected');
  const { reply_markup: _, ...rest } = message;
  const next = {
    ...rest,
    ...(markup.kind === 'inline' ? { reply_markup: markup.markup } : {}),
  } as StoredMessage;
  for (const [field, value] of Object.entries(content)) {
    if (value === undefined) delete next[field as keyof StoredMessage];
    else Object.assign(next, { [field]: value });
  }
  const shown = (m: StoredMessage) =>
    JSON.stringify([m.text, m.entities ?? [], m.caption, m.caption_entities ?? [], m.reply_markup ?? null]);
  if (shown(next) === shown(message)) throw faults.notModified();
  world.pace(message.chat.id, 'message');
  const contentChanged = Object.keys(content).length > 0;
  const edited = contentChanged ? { ...next, edit_date: Math.floor(world.clock.now() / 1000) } : next;
  world.saveMessage(person, edited);
  return edited;
}

const editMessageText: BotMethod = (world, params) => {
  const found = editable(world, params);
  const { text, entities } = readText(params);
  if (found.message.text === undefined) throw faults.editNoText();
  return applyEdit(world, params, found, { text, entities: entities.length > 0 ? [...entities] : undefined });
};

const editMessageCaption: BotMethod = (world, params) => {
  const found = editable(world, params);
  const caption = readCaption(params);
  if (found.message.document === undefined) throw badRequest('there is no caption in the message to edit');
  return applyEdit(world, params, found, { caption: undefined, caption_entities: undefined, ...caption });
};

const editMessageReplyMarkup: BotMethod = (world, params) =>
  applyEdit(world, params, editable(world, params), {});

function deleteOne(world: TelegramWorld, chatId: number, messageId: number | undefined): true {
  const person = world.writableChat(chatId);
  if (messageId === undefined || world.message(chatId, messageId) === undefined) throw faults.deleteMissing();
  world.removeMessage(person, messageId);
  return true;
}

const deleteMessage: BotMethod = (world, params) =>
  deleteOne(world, params.chatId(), params.integer('message_id'));

const deleteMessages: BotMethod = (world, params) => {
  const ids = params.value('message_ids');
  if (!Array.isArray(ids)) throw badRequest('field "message_ids" must be of type Array');
  const person = world.writableChat(params.chatId());
  for (const id of ids)
    if (world.message(person.telegramId, Number(id))) world.removeMessage(person, Number(id));
  return true;
};

const sendMessageDraft: BotMethod = (world, params) => {
  const chatId = params.chatId();
  const draftId = params.integer('draft_id');
  if (draftId === undefined || draftId === 0) throw badRequest('DRAFT_ID_INVALID');
  const { text, entities } = readFormattedText(params, 'text');
  if (text.length > TELEGRAM_LIMITS.textChars) throw faults.textTooLong();
  const person = world.writableChat(chatId);
  world.pace(chatId, 'draft');
  world.setAction(person, null);
  world.setDraft(person, {
    draft_id: draftId,
    text,
    entities,
    can_stop: params.flag('can_stop'),
    keepOnStop: params.flag('keep_on_stop'),
  });
  return true;
};

const sendChatAction: BotMethod = (world, params) => {
  const action = params.text('action') ?? '';
  const person = world.writableChat(params.chatId());
  if (!ACTIONS.includes(action)) throw badRequest('wrong parameter action in request');
  world.setAction(person, action);
  return true;
};

const answerCallbackQuery: BotMethod = (world, params) => {
  const text = params.text('text') ?? '';
  if (text.length > TELEGRAM_LIMITS.callbackAnswerChars) throw badRequest('MESSAGE_TOO_LONG');
  const query = world.closeQuery(params.text('callback_query_id') ?? '');
  if (text !== '') world.notice(world.writableChat(query.from.id), text, params.flag('show_alert'));
  return true;
};

export const messageMethods: Readonly<Record<string, BotMethod>> = {
  sendMessage,
  sendDocument,
  sendPhoto,
  editMessageText,
  editMessageCaption,
  editMessageReplyMarkup,
  deleteMessage,
  deleteMessages,
  sendMessageDraft,
  sendChatAction,
  answerCallbackQuery,
};
