// The input side of the Telegram pane: text field, Menu and "/" command list, reply bar, ready answers, Start button.
// Used by telegram-pane.ts. Keeps only what is being typed and what it replies to.

import { el, growWithText } from './page-dom.ts';
import type { BotCommandView, TelegramMessageView, TelegramView } from './view-types.ts';

export interface TelegramComposer {
  readonly element: HTMLElement;
  draw(view: TelegramView): void;
  replyTo(message: TelegramMessageView): void;
  reset(): void;
}

const COMMANDS_SHOWN = 30;

export interface TelegramComposerDeps {
  /** Carries a text out; resolves to whether it was taken. */
  send(text: string, replyTo: number | undefined): Promise<boolean>;
  unblock(): void;
  /** The person will not answer the message the bot asked them to reply to. */
  dropForcedReply(): void;
}

export function createTelegramComposer({
  send,
  unblock,
  dropForcedReply,
}: TelegramComposerDeps): TelegramComposer {
  let commands: readonly BotCommandView[] = [];
  let view: TelegramView | undefined;
  let replied: TelegramMessageView | undefined;
  let chosen = 0;

  const field = el('textarea', {
    class: 'tg-field',
    testid: 'telegram-input',
    attrs: { rows: '1', placeholder: 'Message', 'aria-label': 'Message to the bot', autocomplete: 'off' },
  });
  const list = el('div', {
    class: 'tg-commands',
    testid: 'telegram-commands',
    attrs: { role: 'listbox', 'aria-label': 'Commands', hidden: '' },
  });
  const menu = el(
    'button',
    { class: 'tg-menu', testid: 'telegram-menu', attrs: { type: 'button', 'aria-label': 'Commands' } },
    el('span', { attrs: { 'aria-hidden': 'true' } }, '☰'),
    'Menu',
  );
  const sendButton = el('button', {
    class: 'tg-send',
    testid: 'telegram-send',
    title: 'Send',
    attrs: { type: 'button', 'aria-label': 'Send' },
  });
  const replyBar = el('div', { class: 'tg-reply-bar', testid: 'telegram-reply-bar', attrs: { hidden: '' } });
  const answers = el('div', { class: 'tg-answers', attrs: { hidden: '' } });
  const start = el(
    'button',
    { class: 'tg-start', testid: 'telegram-start', attrs: { type: 'button', hidden: '' } },
    'START',
  );
  const row = el('div', { class: 'tg-input-row' }, menu, field, sendButton);
  const element = el('footer', { class: 'tg-composer' }, list, replyBar, row, start, answers);

  const matching = (): readonly BotCommandView[] => {
    const typed = /^\/(\S*)$/.exec(field.value);
    return typed === null
      ? []
      : commands.filter(({ command }) => command.startsWith(typed[1].toLowerCase())).slice(0, COMMANDS_SHOWN);
  };
  const drawList = (shown: readonly BotCommandView[]) => {
    chosen = Math.min(chosen, Math.max(0, shown.length - 1));
    list.hidden = shown.length === 0;
    list.replaceChildren(
      ...shown.map(({ command, description }, index) =>
        el(
          'button',
          {
            class: 'tg-command',
            testid: `telegram-command-${command}`,
            attrs: { type: 'button', role: 'option', 'aria-selected': String(index === chosen) },
            on: { click: () => void submit(`/${command}`) },
          },
          el('span', { class: 'tg-command-description' }, description),
          el('span', { class: 'tg-command-name' }, `/${command}`),
        ),
      ),
    );
    list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  };
  const drawReplyBar = () => {
    const forced = view?.prompt?.force_reply_to;
    const target =
      replied ??
      (forced === undefined ? undefined : view?.messages.find(({ message_id }) => message_id === forced));
    replyBar.hidden = target === undefined;
    if (target === undefined) return;
    const cancel = el(
      'button',
      { class: 'tg-cancel', attrs: { type: 'button', 'aria-label': 'Cancel reply' } },
      '✕',
    );
    cancel.addEventListener('click', () => {
      if (replied === undefined) dropForcedReply();
      replied = undefined;
      drawReplyBar();
    });
    replyBar.replaceChildren(
      el('span', { class: 'tg-reply-sign', attrs: { 'aria-hidden': 'true' } }, '↩'),
      el(
        'span',
        { class: 'tg-reply-words' },
        el('b', {}, `Reply to ${target.from?.first_name ?? ''}`),
        el('span', {}, (target.text ?? '').slice(0, 160)),
      ),
      cancel,
    );
  };
  const submit = async (text: string): Promise<void> => {
    if (text.trim() === '') return;
    const replyTo = replied?.message_id;
    if (!(await send(text, replyTo))) return;
    field.value = '';
    replied = undefined;
    growWithText(field);
    drawReplyBar();
    drawList([]);
    field.focus();
  };

  field.addEventListener('input', () => {
    growWithText(field);
    chosen = 0;
    drawList(matching());
    sendButton.classList.toggle('ready', field.value.trim() !== '');
  });
  field.addEventListener('keydown', (event) => {
    const shown = list.hidden ? [] : matching();
    if (event.key === 'Escape') drawList([]);
    if (shown.length > 0 && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      chosen = (chosen + (event.key === 'ArrowDown' ? 1 : shown.length - 1)) % shown.length;
      drawList(shown);
    }
    if (shown.length > 0 && event.key === 'Tab') {
      event.preventDefault();
      field.value = `/${shown[chosen].command} `;
      drawList([]);
    }
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    const isWholeCommand = shown.some(({ command }) => `/${command}` === field.value.trim());
    void submit(shown.length > 0 && !isWholeCommand ? `/${shown[chosen].command}` : field.value);
  });
  sendButton.addEventListener('click', () => void submit(field.value));
  menu.addEventListener('click', () => drawList(list.hidden ? commands : []));
  start.addEventListener('click', () => {
    if (view?.blocked) unblock();
    else void submit('/start');
  });
  document.addEventListener('click', (event) => {
    if (!element.contains(event.target as Node)) drawList([]);
  });

  return {
    element,
    draw(next) {
      const changed = next.prompt !== view?.prompt || next.blocked !== view?.blocked;
      view = next;
      if (next.commands !== commands) {
        commands = next.commands;
        menu.hidden = commands.length === 0;
        if (document.activeElement === field) drawList(matching());
      }
      const isFresh = next.messages.length === 0;
      start.hidden = !isFresh && !next.blocked;
      start.textContent = next.blocked ? 'UNBLOCK BOT' : 'START';
      row.hidden = next.blocked;
      field.placeholder = next.prompt?.placeholder ?? 'Message';
      const keyboard = next.prompt?.keyboard ?? [];
      answers.hidden = keyboard.length === 0;
      if (changed) {
        answers.replaceChildren(
          ...keyboard.map((labels) =>
            el(
              'div',
              { class: 'tg-keys' },
              ...labels.map((label) =>
                el(
                  'button',
                  {
                    class: 'tg-answer',
                    testid: 'telegram-answer',
                    attrs: { type: 'button' },
                    on: { click: () => void submit(label) },
                  },
                  label,
                ),
              ),
            ),
          ),
        );
        if (next.prompt?.force_reply_to !== undefined) field.focus({ preventScroll: true });
      }
      drawReplyBar();
    },
    replyTo(message) {
      replied = message;
      drawReplyBar();
      field.focus();
    },
    reset() {
      field.value = '';
      replied = undefined;
      drawList([]);
    },
  };
}
