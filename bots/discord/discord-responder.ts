// The line back to one Discord event. Used by discord-platform.ts. For an interaction: acknowledged first (within 3 s,
// before the handler), then the first reply takes the place of the "thinking…" message, later ones follow it.
// States of an interaction: open (a form may come) → acknowledged → answered. For a plain message every reply is a message.
// Invariant: an acknowledged interaction always ends in an edit or its "thinking…" is removed (settle).
import { type APIInteractionResponse, InteractionResponseType, MessageFlags, Routes } from 'discord.js';
import type { ButtonRows, Form, MessageRef, Reply, Responder } from '../core/platform.ts';
import { rich } from '../core/rich-text.ts';
import { PlatformFault } from '../errors.ts';
import { discordFault } from './discord-errors.ts';
import { renderModal } from './discord-forms.ts';
import { messageRefOf } from './discord-ids.ts';
import type { InteractionFacts, MessageEvent } from './discord-inbound.ts';
import { FORM_WAIT_MS } from './discord-limits.ts';
import { type AttachedFile, type DiscordRest, type DiscordSender, freshKey } from './discord-sender.ts';

/** What chats show of a file's text is up to them; it is always offered for download. */
const TEXT_FILE = 'text/plain; charset=utf-8';

interface ResponderDeps {
  readonly rest: DiscordRest;
  readonly sender: DiscordSender;
}

interface DiscordResponder extends Responder {
  /** Called after the handler: no "thinking…" may stay behind. */
  settle(): Promise<void>;
}

/** For a direct message or a mention. */
export function createMessageResponder(
  { sender }: Pick<ResponderDeps, 'sender'>,
  { inbound, channelId, replyTo }: MessageEvent,
): DiscordResponder {
  let sends = 0;
  const reply = (text: Reply): Promise<MessageRef> => {
    sends += 1;
    return sender.sendToChannel({
      channelId,
      reply: text,
      key: `${inbound.eventId}:${sends}`,
      replyTo: sends === 1 ? replyTo : null,
    });
  };
  const sendFile = async (file: Omit<AttachedFile, 'ephemeral'>): Promise<void> => {
    sends += 1;
    const key = `${inbound.eventId}:${sends}`;
    await sender.sendFile({ channelId, file: { ...file, ephemeral: false }, key, line: null });
  };
  return {
    hidesReplies: inbound.source.isPrivate,
    reply,
    async showPicture({ png, fileName, caption }) {
      await sendFile({ bytes: png, fileName, caption, contentType: 'image/png' });
    },
    async showFile({ text, fileName, caption }) {
      if (!inbound.source.isPrivate) return false;
      await sendFile({ bytes: Buffer.from(text), fileName, caption, contentType: TEXT_FILE });
      return true;
    },
    async edit(message, next) {
      await sender.edit(message, next);
    },
    editButtons: (message, buttons) => sender.editButtons(message, buttons),
    async stream(stop, opening) {
      return sender.streamInto(await reply({ text: opening, buttons: [[stop]] }), stop, opening);
    },
    async openForm(_, again) {
      await reply({ text: rich('Press to open the form:'), buttons: [[again]] });
    },
    async toast(text) {
      await reply({ text: rich(text) });
    },
    settle: async () => {},
  };
}

/**
 * For an interaction: acknowledges it (unless a form may come) and resolves to the line.
 * @throws PlatformFault when the interaction cannot be answered any more (too late, or taken already)
 */
export async function openInteraction(
  { rest, sender }: ResponderDeps,
  facts: InteractionFacts,
): Promise<DiscordResponder> {
  let state: 'open' | 'acknowledged' | 'answered' = 'open';
  const original: MessageRef = messageRefOf({
    channelId: facts.channelId,
    messageId: '@original',
    ephemeral: true,
    route: { token: facts.token, expiresAt: facts.expiresAt, original: true },
  });
  const respondOnce = async (body: APIInteractionResponse): Promise<void> => {
    try {
      await rest.post(Routes.interactionCallback(facts.id, facts.token), { body, auth: false });
    } catch (error) {
      throw discordFault(error);
    }
  };
  // The loading message of a press would stand under the pressed one: it is an update of that one instead.
  const { isPress } = facts;
  let acknowledging: Promise<void> | null = null;
  const acknowledge = (): Promise<void> => {
    acknowledging ??= respondOnce(
      isPress
        ? { type: InteractionResponseType.DeferredMessageUpdate }
        : {
            type: InteractionResponseType.DeferredChannelMessageWithSource,
            data: facts.ephemeral ? { flags: MessageFlags.Ephemeral } : {},
          },
    ).then(() => {
      state = 'acknowledged';
    });
    return acknowledging;
  };
  let formTimer: NodeJS.Timeout | null = null;
  if (facts.acknowledgement === 'form') {
    formTimer = setTimeout(() => void acknowledge().catch(() => {}), FORM_WAIT_MS);
  } else await acknowledge();

  const ready = async (): Promise<void> => {
    if (formTimer !== null) clearTimeout(formTimer);
    if (state === 'open') await acknowledge();
  };

  /** The first reply fills the loading message; only its author may see what is for them alone. */
  const answerOriginal = async (reply: Reply): Promise<MessageRef> => {
    state = 'answered';
    if (reply.ephemeral && !facts.ephemeral && !facts.isPrivate) {
      await sender.remove(original);
      return sender.followUp(facts, reply);
    }
    return sender.fillOriginal(facts, reply, facts.ephemeral);
  };

  const reply = async (text: Reply): Promise<MessageRef> => {
    await ready();
    if (!isPress && state === 'acknowledged') return answerOriginal(text);
    const onlyForOne = text.ephemeral === true && !facts.isPrivate;
    if (onlyForOne || !facts.botInPlace) return sender.followUp(facts, { ...text, ephemeral: onlyForOne });
    try {
      return await sender.sendToChannel({ channelId: facts.channelId, reply: text, key: freshKey() });
    } catch (fault) {
      if (!(fault instanceof PlatformFault) || fault.code !== 'forbidden') throw fault;
      return sender.followUp(facts, text);
    }
  };

  const toast = async (text: string): Promise<void> => {
    await ready();
    if (isPress) await sender.followUp(facts, { text: rich(text), ephemeral: true });
    else await reply({ text: rich(text), ephemeral: true });
  };

  const sendFile = async (file: AttachedFile): Promise<void> => {
    await ready();
    if (!isPress && state === 'acknowledged') {
      state = 'answered';
      await sender.remove(original);
    }
    const { channelId, token } = facts;
    await sender.sendFile({ channelId, file, key: freshKey(), line: { token } });
  };

  return {
    hidesReplies: true,
    reply,
    async showPicture({ png, fileName, caption, ephemeral }) {
      const onlyForOne = ephemeral === true && !facts.isPrivate;
      await sendFile({ bytes: png, fileName, caption, contentType: 'image/png', ephemeral: onlyForOne });
    },
    async showFile({ text, fileName, caption }) {
      const file = { bytes: Buffer.from(text), fileName, caption, contentType: TEXT_FILE };
      await sendFile({ ...file, ephemeral: !facts.isPrivate });
      return true;
    },
    async edit(message, next) {
      await ready();
      await sender.edit(message, next);
    },
    async editButtons(message: MessageRef, buttons: ButtonRows) {
      await ready();
      await sender.editButtons(message, buttons);
    },
    async stream(stop, opening) {
      return sender.streamInto(await reply({ text: opening, buttons: [[stop]] }), stop, opening);
    },
    async openForm(form: Form, again) {
      if (formTimer !== null) clearTimeout(formTimer);
      if (state === 'open' && acknowledging === null) {
        state = 'answered';
        await respondOnce({ type: InteractionResponseType.Modal, data: renderModal(form) });
      } else {
        await reply({
          text: rich('That took me too long, sorry. Press to open the form:'),
          buttons: [[again]],
          ephemeral: true,
        });
      }
    },
    toast,
    async settle() {
      await ready();
      if (!isPress && state === 'acknowledged') await sender.remove(original);
    },
  };
}
