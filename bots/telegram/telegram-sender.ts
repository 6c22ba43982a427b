// Everything that goes out to Telegram: messages, edits, drafts, splits. Used by the responder and the platform. Every
// call goes through the chat's pacer. Telegram has no idempotency keys: an edit may be repeated freely, a send whose
// outcome is unknown is repeated once (an answer twice is better than none).
// What a server does not offer (drafts, messages for one person) is noticed at the first refusal and done without.
import { type Api, InputFile } from 'grammy';
import type { ForceReply, Message } from 'grammy/types';
import { createDraftStream } from '../core/draft-stream.ts';
import { createEditStream } from '../core/edit-stream.ts';
import type { Pacer } from '../core/pacer.ts';
import type {
  Button,
  ButtonRows,
  MessageRef,
  Picture,
  PrivateFile,
  Reply,
  RichText,
  StreamingMessage,
} from '../core/platform.ts';
import { PlatformFault } from '../errors.ts';
import { isNotModified, telegramFault } from './telegram-errors.ts';
import { messageOf, messageRefOf, type TelegramPlace } from './telegram-ids.ts';
import { CAPTION_CHARS_MAX, DRAFT_KEEP_ALIVE_MS } from './telegram-limits.ts';
import {
  beginningForTelegram,
  renderButtons,
  renderMessage,
  renderText,
  splitForTelegram,
} from './telegram-render.ts';

/** The part of grammY's Api that is used. */
export type TelegramApi = Api['raw'];

interface SendOptions {
  readonly replyTo?: number | null;
  readonly forceReply?: ForceReply;
  readonly callbackId?: string | null;
}

export interface TelegramSender {
  send(place: TelegramPlace, reply: Reply, options?: SendOptions): Promise<MessageRef>;
  /** Puts `reply` in place of a message; what does not fit follows in further messages, the last with the buttons. */
  edit(message: MessageRef, reply: Reply): Promise<MessageRef>;
  editButtons(message: MessageRef, buttons: ButtonRows): Promise<void>;
  /** A photo with its caption; everybody in the chat sees it, as photos for one person are not offered. */
  sendPicture(place: TelegramPlace, picture: Picture): Promise<void>;
  /** A document with its caption; as with photos, everybody in the chat sees it. */
  sendFile(place: TelegramPlace, file: PrivateFile): Promise<void>;
  /** A draft in private chats where the server offers them, else a message that is edited. */
  stream(
    place: TelegramPlace,
    stop: Button,
    opening: RichText,
    options?: SendOptions,
  ): Promise<StreamingMessage>;
  /** Whether streams in this chat are drafts, as far as known. */
  usesDrafts(chatId: number): boolean;
}

/** What photos and documents have in common: where, and the words under them. */
function captioned({ chatId, threadId }: TelegramPlace, caption: string) {
  const { text, entities } = renderText([{ kind: 'plain', text: caption }]);
  return {
    chat_id: chatId,
    caption: text.slice(0, CAPTION_CHARS_MAX),
    caption_entities: entities,
    ...(threadId === null ? {} : { message_thread_id: threadId }),
  };
}

const chatKey = (chatId: number): string => String(chatId);

export function createTelegramSender({
  api,
  pacer,
}: {
  readonly api: TelegramApi;
  readonly pacer: Pacer;
}): TelegramSender {
  const missing = { drafts: false, ephemeral: false };
  let drafts = 0;

  const once = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw telegramFault(error);
    }
  };

  /** A send: retried like everything else, but after an unknown outcome only once. */
  const paced = <T>(chatId: number, call: () => Promise<T>): Promise<T> => {
    let unknown = 0;
    return pacer.must(chatKey(chatId), async () => {
      try {
        return await once(call);
      } catch (fault) {
        if (!(fault instanceof PlatformFault) || !fault.outcomeUnknown) throw fault;
        unknown += 1;
        if (unknown < 2) throw fault;
        throw new PlatformFault(fault.message, {
          code: fault.code,
          retry: 'never',
          outcomeUnknown: true,
          cause: fault,
        });
      }
    });
  };

  const sendPart = async (
    place: TelegramPlace,
    text: RichText,
    buttons: ButtonRows | undefined,
    options: SendOptions,
    receiverId: number | null,
  ): Promise<MessageRef> => {
    const { chatId, threadId } = place;
    const payload = {
      chat_id: chatId,
      ...renderMessage(text, buttons),
      ...(threadId === null ? {} : { message_thread_id: threadId }),
      ...(options.replyTo
        ? { reply_parameters: { message_id: options.replyTo, allow_sending_without_reply: true } }
        : {}),
      ...(options.forceReply ? { reply_markup: options.forceReply } : {}),
    };
    if (receiverId !== null && !missing.ephemeral) {
      const ephemeral = {
        receiver_user_id: receiverId,
        ...(options.callbackId ? { callback_query_id: options.callbackId } : {}),
      };
      try {
        const sent = await paced(chatId, () =>
          api.sendMessage({ ...payload, ephemeral_message_parameters: ephemeral }),
        );
        return refOf(sent, place, receiverId);
      } catch (fault) {
        if (!(fault instanceof PlatformFault) || fault.code !== 'bad_request') throw fault;
        missing.ephemeral = true;
      }
    }
    return refOf(await paced(chatId, () => api.sendMessage(payload)), place, null);
  };

  const refOf = (
    sent: Message,
    { chatId, threadId }: TelegramPlace,
    receiverId: number | null,
  ): MessageRef => {
    const ephemeralId = sent.ephemeral_message_id;
    return ephemeralId === undefined
      ? messageRefOf({ chatId, threadId, messageId: sent.message_id, receiverId: null })
      : messageRefOf({ chatId, threadId, messageId: ephemeralId, receiverId });
  };

  const sendParts = async (
    place: TelegramPlace,
    reply: Reply,
    options: SendOptions,
    from = 0,
  ): Promise<MessageRef | null> => {
    const parts = splitForTelegram(reply.text);
    const receiverId = reply.ephemeral ? place.userId : null;
    let last: MessageRef | null = null;
    for (const [part, text] of parts.entries()) {
      if (part < from) continue;
      const buttons = part === parts.length - 1 ? reply.buttons : undefined;
      last = await sendPart(place, text, buttons, part === 0 ? options : {}, receiverId);
    }
    return last;
  };

  const send = async (place: TelegramPlace, reply: Reply, options: SendOptions = {}): Promise<MessageRef> => {
    const last = await sendParts(place, reply, options);
    if (last === null) throw new RangeError('A reply without parts.');
    return last;
  };

  /** One edit, not paced; an edit that changes nothing is fine. */
  const editOnce = async (
    ref: MessageRef,
    text: RichText,
    buttons: ButtonRows | undefined,
  ): Promise<void> => {
    const { chatId, messageId, receiverId } = messageOf(ref);
    const payload = { chat_id: chatId, ...renderMessage(text, buttons) };
    try {
      if (receiverId === null) await api.editMessageText({ ...payload, message_id: messageId });
      else {
        await api.editEphemeralMessageText({
          ...payload,
          receiver_user_id: receiverId,
          ephemeral_message_id: messageId,
        });
      }
    } catch (error) {
      if (!isNotModified(error)) throw telegramFault(error);
    }
  };

  const edit = async (ref: MessageRef, reply: Reply): Promise<MessageRef> => {
    const { chatId, threadId, receiverId } = messageOf(ref);
    const [first = [], ...rest] = splitForTelegram(reply.text);
    const buttons = rest.length === 0 ? reply.buttons : undefined;
    await pacer.must(chatKey(chatId), () => editOnce(ref, first, buttons));
    const place = { chatId, threadId, userId: receiverId };
    return (await sendParts(place, { ...reply, ephemeral: receiverId !== null }, {}, 1)) ?? ref;
  };

  const openDraft = async (place: TelegramPlace, opening: RichText): Promise<StreamingMessage | null> => {
    const { chatId, threadId } = place;
    drafts += 1;
    const draft = (Date.now() % 1_000_000_000) + drafts;
    const show = async (text: RichText): Promise<void> => {
      await once(() =>
        api.sendMessageDraft({
          chat_id: chatId,
          draft_id: draft,
          ...renderText(beginningForTelegram(text)),
          can_stop: true,
          keep_on_stop: true,
          ...(threadId === null ? {} : { message_thread_id: threadId }),
        }),
      );
    };
    try {
      await pacer.must(chatKey(chatId), () => show(opening));
    } catch (fault) {
      if (
        !(fault instanceof PlatformFault) ||
        (fault.code !== 'method_missing' && fault.code !== 'bad_request')
      ) {
        throw fault;
      }
      if (fault.code === 'method_missing') missing.drafts = true;
      return null;
    }
    return createDraftStream({
      pacer,
      chat: chatKey(chatId),
      draft,
      opening,
      keepAliveMs: DRAFT_KEEP_ALIVE_MS,
      show,
      finish: (reply) => send(place, reply),
    });
  };

  const usesDrafts = (chatId: number): boolean => chatId > 0 && !missing.drafts;

  return {
    send,
    edit,
    usesDrafts,
    async sendPicture(place, { png, fileName, caption }) {
      const photo = new InputFile(png, fileName);
      await paced(place.chatId, () => api.sendPhoto({ photo, ...captioned(place, caption) }));
    },
    async sendFile(place, { text, fileName, caption }) {
      const document = new InputFile(Buffer.from(text), fileName);
      await paced(place.chatId, () => api.sendDocument({ document, ...captioned(place, caption) }));
    },
    async editButtons(ref, buttons) {
      const { chatId, messageId, receiverId } = messageOf(ref);
      const markup = { chat_id: chatId, reply_markup: renderButtons(buttons) };
      await pacer.must(chatKey(chatId), async () => {
        try {
          if (receiverId === null) await api.editMessageReplyMarkup({ ...markup, message_id: messageId });
          else {
            await api.editEphemeralMessageReplyMarkup({
              ...markup,
              receiver_user_id: receiverId,
              ephemeral_message_id: messageId,
            });
          }
        } catch (error) {
          if (!isNotModified(error)) throw telegramFault(error);
        }
      });
    },
    async stream(place, stop, opening, options = {}) {
      const { chatId } = place;
      const draft = usesDrafts(chatId) ? await openDraft(place, opening) : null;
      if (draft !== null) return draft;
      const message = await send(place, { text: opening, buttons: [[stop]] }, options);
      return createEditStream({
        pacer,
        chat: chatKey(chatId),
        message,
        stop: [[stop]],
        opening,
        edit: ({ text, buttons }) => editOnce(message, beginningForTelegram(text), buttons),
        async finish(reply) {
          try {
            return await edit(message, reply);
          } catch (fault) {
            if (!(fault instanceof PlatformFault) || fault.code !== 'message_gone') throw fault;
            return send(place, reply);
          }
        },
      });
    },
  };
}
