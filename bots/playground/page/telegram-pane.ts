// The left side: a private chat with the bot as the Telegram app shows it. Used by page-main.ts.
// Draws a TelegramView; what the person does goes out through the connection.

import type { PageConnection } from './page-connection.ts';
import { createKeyedList, el, stickToEnd } from './page-dom.ts';
import { type BubbleActs, draftBubble, telegramBubble } from './telegram-bubble.ts';
import { createTelegramComposer } from './telegram-composer.ts';
import type { NoticeView, Snapshot, TelegramDraftView, TelegramMessageView } from './view-types.ts';

export interface AppPane {
  draw(view: Snapshot): void;
  notice(notice: NoticeView): void;
  /** Forgets what is half typed, for the next person. */
  reset(): void;
}

const TOAST_MS = 3500;
const REFUSALS: Readonly<Record<string, string>> = {
  not_connected: 'No connection.',
  bot_blocked: 'You blocked this bot.',
  message_not_found: 'This message is gone.',
  button_not_found: 'This button is gone.',
};

export function createTelegramPane(root: HTMLElement, connection: PageConnection): AppPane {
  const name = el('b', { class: 'tg-name' });
  const status = el('span', { class: 'tg-status', testid: 'telegram-status' });
  const face = el('span', { class: 'tg-face', attrs: { 'aria-hidden': 'true' } });
  const block = el(
    'button',
    { class: 'tg-block', title: 'Block or unblock the bot', attrs: { type: 'button' } },
    'Block',
  );
  const list = el('div', { class: 'tg-list' });
  const live = el('div', { class: 'tg-live' });
  const empty = el('div', { class: 'tg-empty', attrs: { hidden: '' } });
  const scroller = el(
    'div',
    {
      class: 'tg-messages',
      testid: 'telegram-messages',
      attrs: { role: 'log', 'aria-live': 'polite', tabindex: '0', 'aria-label': 'Telegram messages' },
    },
    empty,
    list,
    live,
  );
  const toastBox = el('div', {
    class: 'tg-toast',
    testid: 'telegram-toast',
    attrs: { role: 'status', hidden: '' },
  });
  let hideToast: ReturnType<typeof setTimeout> | undefined;
  let shownDraft: TelegramDraftView | null = null;
  let isBlocked = false;

  const toast = (text: string) => {
    toastBox.textContent = text;
    toastBox.hidden = false;
    clearTimeout(hideToast);
    hideToast = setTimeout(() => {
      toastBox.hidden = true;
    }, TOAST_MS);
  };
  const act = async (path: string, body: object): Promise<boolean> => {
    const { ok, error } = await connection.act(`telegram/${path}`, body);
    if (!ok) toast(REFUSALS[error ?? ''] ?? `Not possible (${error}).`);
    return ok;
  };
  const send = (text: string, replyTo?: number) => {
    scroller.scrollTop = scroller.scrollHeight;
    return act('send', { text, replyTo });
  };
  const composer = createTelegramComposer({
    send,
    unblock: () => void act('block', { blocked: false }),
    dropForcedReply: () => void act('drop-reply', {}),
  });
  const acts: BubbleActs = {
    press: (messageId, data) => void act('press', { messageId, data }),
    reply: (message) => composer.replyTo(message),
    command: (text) => void send(text),
    stop: () => void act('stop', {}),
    toast,
  };
  block.addEventListener('click', () => void act('block', { blocked: !isBlocked }));

  root.replaceChildren(
    el(
      'header',
      { class: 'tg-top' },
      face,
      el('div', { class: 'tg-titles' }, name, status),
      block,
      el('span', { class: 'tg-brand' }, 'Telegram'),
    ),
    el('div', { class: 'tg-body' }, scroller, toastBox),
    composer.element,
  );
  stickToEnd(scroller);
  const drawMessages = createKeyedList<TelegramMessageView>(
    list,
    (message) => String(message.message_id),
    (message, previous) => telegramBubble(message, previous?.from?.id === message.from?.id, acts),
  );

  return {
    draw({ telegram }) {
      name.textContent = telegram.bot.name;
      face.textContent = telegram.bot.name.slice(0, 1);
      isBlocked = telegram.blocked;
      block.textContent = isBlocked ? 'Unblock' : 'Block';
      status.textContent =
        telegram.action === null ? 'bot' : telegram.action === 'typing' ? 'typing…' : 'sending a file…';
      status.classList.toggle('active', telegram.action !== null);
      empty.hidden = telegram.messages.length > 0;
      if (!empty.hidden)
        empty.replaceChildren(
          el('b', {}, telegram.bot.name),
          el('span', {}, `@${telegram.bot.username}`),
          el('span', {}, 'Press START below, as in any new chat with a bot.'),
        );
      drawMessages(telegram.messages);
      if (telegram.draft !== shownDraft)
        live.replaceChildren(...(telegram.draft ? [draftBubble(telegram.draft, acts)] : []));
      shownDraft = telegram.draft;
      composer.draw(telegram);
    },
    notice({ text, alert }) {
      if (!alert) {
        toast(text);
        return;
      }
      const dialog = el('dialog', { class: 'plain-dialog', testid: 'telegram-alert' });
      dialog.append(
        el('p', {}, text),
        el(
          'div',
          { class: 'dialog-row' },
          el('button', { class: 'main', on: { click: () => dialog.close() } }, 'OK'),
        ),
      );
      dialog.addEventListener('close', () => dialog.remove());
      document.body.append(dialog);
      dialog.showModal();
    },
    reset() {
      composer.reset();
      shownDraft = null;
      live.replaceChildren();
    },
  };
}
