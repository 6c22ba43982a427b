// Everything that goes out to Discord: messages by channel or by interaction token, edits, splits. Used by the responder
// and the platform. Every call goes through the chat's pacer and every send carries a nonce, so a retry cannot double it.
// An edit through an expired token continues through the channel where the bot may write; a message only one person
// sees has no such way. It knows no commands.
import { createHash, randomUUID } from 'node:crypto';
import { type APIMessage, MessageFlags, type RawFile, type REST, Routes } from 'discord.js';
import { createEditStream } from '../core/edit-stream.ts';
import type { Pacer } from '../core/pacer.ts';
import type { Button, ButtonRows, MessageRef, Reply, RichText, StreamingMessage } from '../core/platform.ts';
import { PlatformFault } from '../errors.ts';
import { discordFault } from './discord-errors.ts';
import { type DiscordMessage, messageOf, messageRefOf } from './discord-ids.ts';
import { ALT_CHARS_MAX, NONCE_CHARS_MAX } from './discord-limits.ts';
import { beginningForDiscord, renderButtons, renderMessage, splitForDiscord } from './discord-render.ts';

type Method = 'post' | 'patch' | 'delete' | 'put';

/** The part of discord.js's REST that is used; tests may pass their own. */
export type DiscordRest = Pick<REST, Method>;

interface SenderDeps {
  readonly rest: DiscordRest;
  readonly pacer: Pacer;
  readonly applicationId: () => string;
}

interface ChannelSend {
  readonly channelId: string;
  readonly reply: Reply;
  /** Makes the send idempotent: the same key gives the same message within Discord's memory of a few minutes. */
  readonly key: string;
  readonly replyTo?: string | null;
}

interface TokenSend {
  readonly channelId: string;
  readonly token: string;
  readonly expiresAt: number;
  /** The bot may also write to the channel by itself. */
  readonly botInPlace: boolean;
}

export interface AttachedFile {
  readonly bytes: Uint8Array;
  readonly fileName: string;
  readonly contentType: string;
  readonly caption: string;
  readonly ephemeral: boolean;
}

interface FileSend {
  readonly channelId: string;
  readonly file: AttachedFile;
  readonly key: string;
  readonly line: Pick<TokenSend, 'token'> | null;
}

export interface DiscordSender {
  sendToChannel(send: ChannelSend): Promise<MessageRef>;
  /** Fills the "thinking…" message of a command or form. */
  fillOriginal(line: TokenSend, reply: Reply, ephemeral: boolean): Promise<MessageRef>;
  /** A further message by interaction token. */
  followUp(line: TokenSend, reply: Reply): Promise<MessageRef>;
  /** Puts `reply` in place of a message; what does not fit follows in further messages, the last with the buttons. */
  edit(message: MessageRef, reply: Reply): Promise<MessageRef>;
  /** A picture or another file as a message of its own, by interaction token where `line` is given. */
  sendFile(send: FileSend): Promise<void>;
  editButtons(message: MessageRef, buttons: ButtonRows): Promise<void>;
  remove(message: MessageRef): Promise<void>;
  /** Streams into a message that shows `opening` already. */
  streamInto(message: MessageRef, stop: Button, opening: RichText): StreamingMessage;
  /** A call of its own, paced with the chat. */
  call<T>(chat: string, method: Method, route: `/${string}`, body?: unknown, auth?: boolean): Promise<T>;
}

const nonceOf = (key: string): string =>
  createHash('sha256').update(key).digest('base64url').slice(0, NONCE_CHARS_MAX);

export function createDiscordSender({ rest, pacer, applicationId }: SenderDeps): DiscordSender {
  const once = async <T>(
    method: Method,
    route: `/${string}`,
    body?: unknown,
    auth = true,
    files?: RawFile[],
  ): Promise<T> => {
    try {
      return (await rest[method](route, { body, auth, ...(files === undefined ? {} : { files }) })) as T;
    } catch (error) {
      throw discordFault(error);
    }
  };
  const call = <T>(
    chat: string,
    method: Method,
    route: `/${string}`,
    body?: unknown,
    auth = true,
  ): Promise<T> => pacer.must(chat, () => once<T>(method, route, body, auth));

  const tokenRoute = (token: string, message: string): `/${string}` =>
    Routes.webhookMessage(applicationId(), token, message);

  /** One edit, by token while it lasts, then by channel; not paced. */
  const editOnce = async (message: DiscordMessage, payload: object): Promise<void> => {
    const { route, channelId, messageId, ephemeral } = message;
    if (route !== null && (ephemeral || Date.now() < route.expiresAt)) {
      try {
        const id = route.original ? '@original' : messageId;
        await once('patch', tokenRoute(route.token, id), payload, false);
        return;
      } catch (fault) {
        if (ephemeral || !(fault instanceof PlatformFault) || fault.code !== 'line_closed') throw fault;
      }
    }
    await once('patch', Routes.channelMessage(channelId, messageId), payload);
  };

  const postPart = async (
    send: ChannelSend,
    text: RichText,
    buttons: ButtonRows | undefined,
    part: number,
  ) => {
    const payload = {
      ...renderMessage(text, buttons),
      nonce: nonceOf(`${send.key}:${part}`),
      enforce_nonce: true,
      ...(send.replyTo && part === 0
        ? { message_reference: { message_id: send.replyTo, fail_if_not_exists: false } }
        : {}),
    };
    const sent = await call<APIMessage>(
      send.channelId,
      'post',
      Routes.channelMessages(send.channelId),
      payload,
    );
    return messageRefOf({ channelId: send.channelId, messageId: sent.id, ephemeral: false, route: null });
  };

  const followUpPart = async (
    line: Omit<TokenSend, 'botInPlace'>,
    text: RichText,
    buttons: ButtonRows | undefined,
    ephemeral: boolean,
  ) => {
    const rendered = renderMessage(text, buttons);
    const payload = ephemeral ? { ...rendered, flags: rendered.flags | MessageFlags.Ephemeral } : rendered;
    const route = `${Routes.webhook(applicationId(), line.token)}?wait=true` as const;
    const sent = await call<APIMessage>(line.channelId, 'post', route, payload, false);
    return messageRefOf({
      channelId: line.channelId,
      messageId: sent.id,
      ephemeral,
      route: { token: line.token, expiresAt: line.expiresAt, original: false },
    });
  };

  /** Runs `post` for every part in order; only the last carries the buttons. Resolves to the last. */
  const inParts = async (
    parts: readonly RichText[],
    buttons: ButtonRows | undefined,
    post: (text: RichText, buttons: ButtonRows | undefined, part: number) => Promise<MessageRef>,
  ): Promise<MessageRef> => {
    let last: MessageRef | null = null;
    for (const [part, text] of parts.entries()) {
      last = await post(text, part === parts.length - 1 ? buttons : undefined, part);
    }
    if (last === null) throw new RangeError('A reply without parts.');
    return last;
  };

  const edit = (ref: MessageRef, reply: Reply): Promise<MessageRef> => {
    const message = messageOf(ref);
    const { channelId, route, ephemeral } = message;
    const parts = splitForDiscord(reply.text);
    const key = `${ref}:${JSON.stringify(reply.text)}`;
    return inParts(parts, reply.buttons, async (text, buttons, part) => {
      if (part === 0) {
        await pacer.must(channelId, () => editOnce(message, renderMessage(text, buttons)));
        return ref;
      }
      return route !== null && (ephemeral || Date.now() < route.expiresAt)
        ? followUpPart({ channelId, ...route }, text, buttons, ephemeral)
        : postPart({ channelId, reply, key }, text, buttons, part);
    });
  };

  return {
    call,
    edit,
    sendToChannel: (send) =>
      inParts(splitForDiscord(send.reply.text), send.reply.buttons, (text, buttons, part) =>
        postPart(send, text, buttons, part),
      ),
    followUp: (line, reply) =>
      inParts(splitForDiscord(reply.text), reply.buttons, (text, buttons) =>
        followUpPart(line, text, buttons, reply.ephemeral === true),
      ),
    fillOriginal: (line, reply, ephemeral) =>
      inParts(splitForDiscord(reply.text), reply.buttons, async (text, buttons, part) => {
        const byChannel = line.botInPlace && !ephemeral;
        if (part > 0) {
          return byChannel
            ? postPart(
                { channelId: line.channelId, reply, key: `${line.token}:${part}` },
                text,
                buttons,
                part,
              )
            : followUpPart(line, text, buttons, ephemeral);
        }
        const route = tokenRoute(line.token, '@original');
        const sent = await call<APIMessage>(
          line.channelId,
          'patch',
          route,
          renderMessage(text, buttons),
          false,
        );
        return messageRefOf({
          channelId: line.channelId,
          messageId: sent.id,
          ephemeral,
          route: byChannel ? null : { token: line.token, expiresAt: line.expiresAt, original: true },
        });
      }),
    async sendFile({ channelId, file, key, line }) {
      const { bytes, fileName, contentType, caption, ephemeral } = file;
      const rendered = renderMessage([{ kind: 'plain', text: caption }], undefined);
      const attachment = { id: '0', filename: fileName, description: caption.slice(0, ALT_CHARS_MAX) };
      const body = { ...rendered, attachments: [attachment] };
      const files = [{ name: fileName, data: Buffer.from(bytes), contentType }];
      if (line === null) {
        const payload = { ...body, nonce: nonceOf(key), enforce_nonce: true };
        const route = Routes.channelMessages(channelId);
        await pacer.must(channelId, () => once('post', route, payload, true, files));
        return;
      }
      const flags = ephemeral ? rendered.flags | MessageFlags.Ephemeral : rendered.flags;
      const route = `${Routes.webhook(applicationId(), line.token)}?wait=true` as const;
      await pacer.must(channelId, () => once('post', route, { ...body, flags }, false, files));
    },
    async editButtons(ref, buttons) {
      const message = messageOf(ref);
      await pacer.must(message.channelId, () => editOnce(message, { components: renderButtons(buttons) }));
    },
    async remove(ref) {
      const { route, channelId, messageId } = messageOf(ref);
      if (route === null) await call(channelId, 'delete', Routes.channelMessage(channelId, messageId));
      else
        await call(
          channelId,
          'delete',
          tokenRoute(route.token, route.original ? '@original' : messageId),
          undefined,
          false,
        );
    },
    streamInto(ref, stop, opening) {
      const message = messageOf(ref);
      return createEditStream({
        pacer,
        chat: message.channelId,
        message: ref,
        stop: [[stop]],
        opening,
        edit: ({ text, buttons }) => editOnce(message, renderMessage(beginningForDiscord(text), buttons)),
        async finish(reply) {
          try {
            return await edit(ref, reply);
          } catch (fault) {
            // Somebody deleted the message, or its token is over and the channel is closed to us: say it anew.
            if (!(fault instanceof PlatformFault) || fault.retry !== 'never' || fault.code === 'stopping')
              throw fault;
            return inParts(splitForDiscord(reply.text), reply.buttons, (text, buttons, part) =>
              postPart({ channelId: message.channelId, reply, key: `${ref}:anew` }, text, buttons, part),
            );
          }
        },
      });
    },
  };
}

/** A key for a send that belongs to no event. */
export const freshKey = (): string => randomUUID();
