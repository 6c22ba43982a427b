// Draws one Telegram message: bubble, reply line, document, inline keyboard, time. Used by telegram-pane.ts.
// Acts come in as functions; keeps no state but the spinner of a pressed button.

import { entityNodes } from './entity-nodes.ts';
import { clockTime, el, fileSize } from './page-dom.ts';
import { richElements } from './rich-dom.ts';
import { safeUrl } from './rich-nodes.ts';
import type { InlineButtonView, TelegramDraftView, TelegramMessageView } from './view-types.ts';

export interface BubbleActs {
  press(messageId: number, data: string): void;
  reply(message: TelegramMessageView): void;
  command(text: string): void;
  stop(): void;
  toast(text: string): void;
}

/** @param follows whether the message before is the same sender's */
export function telegramBubble(
  message: TelegramMessageView,
  follows: boolean,
  acts: BubbleActs,
): HTMLElement {
  const isOwn = message.from?.is_bot !== true;
  const text = message.text ?? message.caption ?? '';
  const entities = message.entities ?? message.caption_entities ?? [];
  const edited = message.edit_date === undefined ? null : el('span', { class: 'tg-edited' }, 'edited');
  const bubble = el(
    'div',
    { class: 'tg-bubble' },
    replyLine(message.reply_to_message),
    documentLine(message),
    photo(message),
    text === ''
      ? null
      : el(
          'div',
          { class: 'tg-text', attrs: { dir: 'auto' } },
          ...richElements(entityNodes(text, entities), acts.command),
        ),
    el(
      'span',
      { class: 'tg-meta' },
      edited,
      clockTime(message.date * 1000),
      isOwn ? el('span', { class: 'tg-ticks', attrs: { 'aria-hidden': 'true' } }) : null,
    ),
  );
  return el(
    'article',
    {
      class: `tg-message ${isOwn ? 'own' : 'theirs'}${follows ? ' follows' : ''}`,
      testid: 'telegram-message',
      data: { messageId: String(message.message_id), from: isOwn ? 'person' : 'bot' },
      attrs: { 'aria-label': `${message.from?.first_name ?? ''}, ${clockTime(message.date * 1000)}` },
    },
    el(
      'div',
      { class: 'tg-column' },
      el(
        'div',
        { class: 'tg-line' },
        bubble,
        el(
          'button',
          {
            class: 'tg-reply',
            title: 'Reply',
            attrs: { type: 'button', 'aria-label': 'Reply' },
            on: { click: () => acts.reply(message) },
          },
          '↩',
        ),
      ),
      keyboard(message, acts),
    ),
  );
}

/** The message that is being written, with Stop. */
export function draftBubble(draft: TelegramDraftView, acts: BubbleActs): HTMLElement {
  const words =
    draft.text === ''
      ? [el('span', { class: 'tg-thinking' }, 'Thinking…')]
      : richElements(entityNodes(draft.text, draft.entities));
  const stop = el(
    'button',
    {
      class: 'tg-stop',
      testid: 'telegram-stop',
      attrs: { type: 'button' },
      on: { click: () => acts.stop() },
    },
    el('span', { class: 'tg-stop-square', attrs: { 'aria-hidden': 'true' } }),
    'Stop',
  );
  return el(
    'article',
    { class: 'tg-message theirs draft', testid: 'telegram-draft' },
    el(
      'div',
      { class: 'tg-column' },
      el(
        'div',
        { class: 'tg-bubble' },
        el(
          'div',
          { class: 'tg-text', attrs: { dir: 'auto' } },
          ...words,
          el('span', { class: 'tg-caret', attrs: { 'aria-hidden': 'true' } }),
        ),
      ),
      draft.can_stop ? el('div', { class: 'tg-keyboard' }, el('div', { class: 'tg-keys' }, stop)) : null,
    ),
  );
}

function replyLine(replied: TelegramMessageView | undefined): HTMLElement | null {
  if (replied === undefined) return null;
  const text = (replied.text ?? replied.caption ?? replied.document?.file_name ?? '').slice(0, 120);
  return el(
    'div',
    { class: 'tg-replied' },
    el('b', {}, replied.from?.first_name ?? ''),
    el('span', {}, text),
  );
}

function documentLine({ document: file }: TelegramMessageView): HTMLElement | null {
  if (file === undefined) return null;
  const name = file.file_name ?? 'document';
  return el(
    'a',
    {
      class: 'tg-document',
      testid: 'telegram-document',
      attrs: { href: `/playground/files/${encodeURIComponent(file.file_id)}`, download: name },
    },
    el('span', { class: 'tg-document-icon', attrs: { 'aria-hidden': 'true' } }, '↓'),
    el(
      'span',
      { class: 'tg-document-words' },
      el('b', {}, name),
      el('span', {}, file.file_size === undefined ? '' : fileSize(file.file_size)),
    ),
  );
}

function photo({ photo: sizes, caption }: TelegramMessageView): HTMLElement | null {
  const largest = sizes?.at(-1);
  if (largest === undefined) return null;
  return el('img', {
    class: 'tg-photo',
    testid: 'telegram-photo',
    attrs: {
      src: `/playground/files/${encodeURIComponent(largest.file_id)}`,
      alt: caption ?? 'A picture',
      width: String(largest.width),
      height: String(largest.height),
    },
  });
}

function keyboard(message: TelegramMessageView, acts: BubbleActs): HTMLElement | null {
  const rows = message.reply_markup?.inline_keyboard ?? [];
  if (rows.length === 0) return null;
  return el(
    'div',
    { class: 'tg-keyboard' },
    ...rows.map((row) =>
      el('div', { class: 'tg-keys' }, ...row.map((button) => keyOf(message, button, acts))),
    ),
  );
}

function keyOf(message: TelegramMessageView, button: InlineButtonView, acts: BubbleActs): HTMLElement {
  const style = button.style ? ` ${button.style}` : '';
  const label = el('span', {}, button.text);
  const url = button.url === undefined ? undefined : safeUrl(button.url);
  if (url !== undefined) {
    return el(
      'a',
      {
        class: `tg-key link${style}`,
        testid: 'bot-button',
        title: url,
        attrs: { href: url, target: '_blank', rel: 'noopener noreferrer' },
      },
      label,
    );
  }
  const key = el(
    'button',
    { class: `tg-key${style}`, testid: 'bot-button', attrs: { type: 'button' } },
    label,
  );
  if (
    button.disabled !== undefined ||
    (button.callback_data === undefined && button.copy_text === undefined)
  ) {
    key.disabled = true;
    return key;
  }
  key.addEventListener('click', () => {
    if (button.copy_text) {
      void navigator.clipboard?.writeText(button.copy_text.text);
      acts.toast('Copied to the clipboard.');
    } else if (button.callback_data !== undefined) {
      key.classList.add('waiting');
      setTimeout(() => key.classList.remove('waiting'), 4000);
      acts.press(message.message_id, button.callback_data);
    }
  });
  return key;
}
