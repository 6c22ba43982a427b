// The line back to one Telegram update. Used by telegram-platform.ts. A press shows a spinner until it is answered: by
// the first notice, or without words after a moment, so that it is never left spinning. Forms are asked in the chat.
// Invariant: after settle() the press is answered.
import type { Responder } from '../core/platform.ts';
import { rich } from '../core/rich-text.ts';
import { shorten } from '../core/sanitize-text.ts';
import { PlatformFault } from '../errors.ts';
import { telegramFault } from './telegram-errors.ts';
import type { FormPrompt, TelegramForms } from './telegram-forms.ts';
import type { UpdateFacts } from './telegram-inbound.ts';
import { PRESS_WAIT_MS, TOAST_CHARS_MAX } from './telegram-limits.ts';
import type { TelegramApi, TelegramSender } from './telegram-sender.ts';

interface ResponderDeps {
  readonly api: TelegramApi;
  readonly sender: TelegramSender;
  readonly forms: TelegramForms;
  readonly formKey: string;
}

export interface TelegramResponder extends Responder {
  /** Asks one question of a form, with the reply field opened for the person. */
  prompt(prompt: FormPrompt): Promise<void>;
  /** Called after the handler: no spinner may stay behind. */
  settle(): Promise<void>;
}

export function openUpdate(
  { api, sender, forms, formKey }: ResponderDeps,
  facts: UpdateFacts,
): TelegramResponder {
  const { place, callbackId } = facts;
  let answered = callbackId === null;
  const answerPress = async (text?: string): Promise<void> => {
    if (answered || callbackId === null) return;
    answered = true;
    clearTimeout(timer);
    try {
      await api.answerCallbackQuery({
        callback_query_id: callbackId,
        ...(text === undefined ? {} : { text }),
      });
    } catch (error) {
      const fault = telegramFault(error);
      if (fault.code !== 'line_closed') throw fault;
    }
  };
  const timer =
    callbackId === null ? undefined : setTimeout(() => void answerPress().catch(() => {}), PRESS_WAIT_MS);

  const prompt = async ({ text, placeholder }: FormPrompt): Promise<void> => {
    await sender.send(
      place,
      { text },
      {
        replyTo: facts.replyTo,
        forceReply: {
          force_reply: true,
          input_field_placeholder: placeholder,
          ...(facts.isPrivate ? {} : { selective: true }),
        },
      },
    );
  };

  return {
    prompt,
    // a server without ephemeral messages gets them as open ones
    hidesReplies: facts.isPrivate,
    reply: (reply) => sender.send(place, reply, { replyTo: facts.replyTo, callbackId }),
    showPicture: (picture) => sender.sendPicture(place, picture),
    async showFile(file) {
      if (!facts.isPrivate) return false;
      await sender.sendFile(place, file);
      return true;
    },
    async edit(message, reply) {
      await sender.edit(message, reply);
    },
    editButtons: (message, buttons) => sender.editButtons(message, buttons),
    stream: (stop, opening) => sender.stream(place, stop, opening, { replyTo: facts.replyTo }),
    async openForm(form) {
      await prompt(forms.begin(formKey, form));
    },
    async toast(text) {
      if (answered) await sender.send(place, { text: rich(text), ephemeral: true }, { callbackId });
      else await answerPress(shorten(text, TOAST_CHARS_MAX));
    },
    async settle() {
      await answerPress().catch((fault: unknown) => {
        if (!(fault instanceof PlatformFault)) throw fault;
      });
    },
  };
}
