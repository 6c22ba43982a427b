// Telegram as a Platform: grammY and its runner fetch updates, telegram-inbound.ts reads them, answers go through the
// responder and sender. Used by main.ts and the conformance suite; it knows no commands beyond their definitions.
// Updates are handed over at once and never wait for each other here: order is the dispatcher's business.
// States: stopped → starting (getMe, commands) → polling (begun anew after a lost poll) → stopped; start() may be called once.
import { autoRetry } from '@grammyjs/auto-retry';
import { type RunnerHandle, run } from '@grammyjs/runner';
import { Bot } from 'grammy';
import type { Update } from 'grammy/types';
import { encodeAction } from '../core/button-codec.ts';
import { createPacer } from '../core/pacer.ts';
import type {
  BotLog,
  Capabilities,
  CommandDefinition,
  Inbound,
  InboundHandler,
  MessageRef,
  Platform,
} from '../core/platform.ts';
import { rich } from '../core/rich-text.ts';
import { shorten } from '../core/sanitize-text.ts';
import type { TelegramConfig } from './telegram-config.ts';
import { telegramFault } from './telegram-errors.ts';
import { createTelegramForms } from './telegram-forms.ts';
import { placeOf } from './telegram-ids.ts';
import { ALLOWED_UPDATES, readUpdate, TELEGRAM, type UpdateEvent } from './telegram-inbound.ts';
import {
  COMMAND_DESCRIPTION_CHARS_MAX,
  DRAFT_INTERVAL_MS,
  EDIT_INTERVAL_MS,
  GROUP_EDIT_INTERVAL_MS,
  MESSAGE_CHARS_MAX,
} from './telegram-limits.ts';
import { openUpdate, type TelegramResponder } from './telegram-responder.ts';
import { createTelegramSender } from './telegram-sender.ts';

const CAPABILITIES: Capabilities = {
  forms: false,
  drafts: true,
  ephemeral: true,
  idempotentSends: false,
  pictures: true,
  messageCharsMax: MESSAGE_CHARS_MAX,
  editIntervalMs: EDIT_INTERVAL_MS,
};

/** Their retries are the pacer's (a send, an edit, a draft) or the runner's (polling). */
const NOT_AUTO_RETRIED = new Set<string>([
  'sendMessage',
  'sendPhoto',
  'sendDocument',
  'sendMessageDraft',
  'editMessageText',
  'editMessageReplyMarkup',
  'editEphemeralMessageText',
  'editEphemeralMessageReplyMarkup',
  'answerCallbackQuery',
  'getUpdates',
]);

const POLL_AGAIN_MS = 3000;
const CANCEL = 'cancel';

function createBot(config: TelegramConfig): Bot {
  const bot = new Bot(config.secret, { client: { apiRoot: config.apiRoot, timeoutSeconds: 60 } });
  const retrying = autoRetry({ maxRetryAttempts: 5, maxDelaySeconds: 60 });
  bot.api.config.use((previous, method, payload, signal) =>
    NOT_AUTO_RETRIED.has(method)
      ? previous(method, payload, signal)
      : retrying(previous, method, payload, signal),
  );
  return bot;
}

export function createTelegramPlatform(config: TelegramConfig, { log }: { readonly log: BotLog }): Platform {
  const bot = createBot(config);
  const api = bot.api.raw;
  const pacer = createPacer({
    editIntervalMs: (chat) => {
      const chatId = Number(chat);
      if (chatId < 0) return GROUP_EDIT_INTERVAL_MS;
      return sender.usesDrafts(chatId) ? DRAFT_INTERVAL_MS : EDIT_INTERVAL_MS;
    },
    onDropped: (fault) => log.info({ err: fault }, 'an intermediate edit was dropped'),
  });
  const sender = createTelegramSender({ api, pacer });
  const forms = createTelegramForms();
  const sentByKey = new Map<string, MessageRef>();
  let definitions: readonly CommandDefinition[] = [];
  let runner: RunnerHandle | null = null;
  let stopped = false;

  /** Forms come first: an answer to an open question is no question to a model. */
  const throughForms = async (
    { inbound, facts }: UpdateEvent,
    formKey: string,
    responder: TelegramResponder,
    handle: (inbound: Inbound) => Promise<void>,
  ): Promise<void> => {
    if (inbound.kind === 'command') {
      const wasOpen = forms.cancel(formKey);
      if (inbound.name !== CANCEL) return handle(inbound);
      await responder.reply({
        text: rich(wasOpen ? 'Cancelled: nothing was stored.' : 'There is nothing to cancel.'),
        ephemeral: true,
      });
      return;
    }
    if (inbound.kind !== 'text') return handle(inbound);
    const step = forms.answer(formKey, inbound.text);
    if (step?.kind === 'ask') return responder.prompt(step.prompt);
    const { eventId, source } = inbound;
    if (step?.kind === 'done') {
      return handle({ kind: 'form', eventId, source, action: step.action, values: step.values });
    }
    if (!facts.answersPrompt) return handle(inbound);
    return handle({
      kind: 'press',
      eventId,
      source,
      action: encodeAction('form_gone'),
      message: '' as MessageRef,
    });
  };

  const onUpdate = async (update: Update, handler: InboundHandler): Promise<void> => {
    const event = readUpdate(update, { id: bot.botInfo.id, username: bot.botInfo.username }, definitions);
    if (event === null) return;
    const { source } = event.inbound;
    const formKey = `${source.conversationId}:${source.userId}`;
    const responder = openUpdate({ api, sender, forms, formKey }, event.facts);
    await throughForms(event, formKey, responder, (inbound) => handler(inbound, responder));
    await responder.settle();
  };

  /** Polls until stop(); a poll that another process took over or the network broke is begun anew. */
  const poll = (): void => {
    runner = run(bot, { runner: { fetch: { allowed_updates: [...ALLOWED_UPDATES] }, silent: true } });
    runner.task()?.catch((error: unknown) => {
      log.error({ err: error }, 'polling Telegram ended; it begins anew');
      if (!stopped) setTimeout(() => stopped || poll(), POLL_AGAIN_MS).unref();
    });
  };

  return {
    name: TELEGRAM,
    capabilities: CAPABILITIES,
    async start(handler, commands) {
      definitions = commands;
      bot.use((context) => {
        onUpdate(context.update, handler).catch((fault: unknown) =>
          log.error(
            { err: fault, updateId: context.update.update_id },
            'a Telegram update could not be answered',
          ),
        );
      });
      try {
        await bot.init();
        // A webhook left behind would make every poll fail with 409.
        await bot.api.deleteWebhook();
        await bot.api.setMyCommands([
          ...commands.map(({ name, description }) => ({
            command: name,
            description: shorten(description, COMMAND_DESCRIPTION_CHARS_MAX),
          })),
          { command: CANCEL, description: 'End the form you are filling in' },
        ]);
      } catch (error) {
        throw telegramFault(error);
      }
      poll();
    },
    async send(conversationId, reply, key) {
      const known = sentByKey.get(key);
      if (known !== undefined) return known;
      const sent = await sender.send(placeOf(conversationId), reply);
      if (sentByKey.size > 5000) sentByKey.clear();
      sentByKey.set(key, sent);
      return sent;
    },
    async editMessage(message, reply) {
      await sender.edit(message, reply);
    },
    async stop() {
      stopped = true;
      await pacer.close();
      if (runner?.isRunning()) await runner.stop();
    },
  };
}
