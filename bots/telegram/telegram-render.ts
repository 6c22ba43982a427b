// Our replies as Telegram payloads. Pure. Text goes out with entities (offsets in UTF-16 units), never with a parse mode:
// nothing needs escaping, so nothing can break out. Used by the sender. An "@name" in somebody's text gets an invisible
// word joiner, because Telegram would ping that person; link previews are off.
import type { InlineKeyboardButton, MessageEntity } from 'grammy/types';
import type { Button, ButtonRows, RichText, Span } from '../core/platform.ts';
import { beginningThatFits, splitRichText } from '../core/split-text.ts';
import { MESSAGE_CHARS_MAX } from './telegram-limits.ts';

const MENTION = /(?<![\w@])@(?=\w{3,})/g;

const withoutPings = (text: string): string => text.replace(MENTION, '@\u2060');

type EntityType = 'bold' | 'italic' | 'code' | 'pre' | 'blockquote' | 'text_link';

function entityTypeOf({ kind, text }: Span): EntityType | null {
  switch (kind) {
    case 'plain':
      return null;
    case 'bold':
      return 'bold';
    case 'italic':
    case 'small':
      return 'italic';
    case 'code':
      return text.includes('\n') ? 'pre' : 'code';
    case 'quote':
      return 'blockquote';
    case 'link':
      return 'text_link';
  }
}

/** Rich text as text and entities; the caller has trimmed it. */
export function renderText(text: RichText): { readonly text: string; readonly entities: MessageEntity[] } {
  let out = '';
  const entities: MessageEntity[] = [];
  for (const span of text) {
    const type = entityTypeOf(span);
    const isLetters = type === 'code' || type === 'pre' || type === 'text_link';
    const shown = isLetters ? span.text : withoutPings(span.text);
    const inner = shown.trim();
    if (type !== null && inner !== '') {
      const place = { offset: out.length + shown.indexOf(inner), length: inner.length };
      entities.push(type === 'text_link' ? { type, ...place, url: inner } : { type, ...place });
    }
    out += shown;
  }
  return { text: out, entities };
}

const fits = (text: RichText): boolean => renderText(text).text.length <= MESSAGE_CHARS_MAX;

/** The messages a text needs. */
export const splitForTelegram = (text: RichText): readonly RichText[] => splitRichText(text, fits);

/** What a draft or streaming message shows of a text that has grown too long for one. */
export const beginningForTelegram = (text: RichText): RichText => beginningThatFits(text, fits);

function renderButton({ action, label, style, disabled }: Button): InlineKeyboardButton {
  const look = { text: label, ...(style === undefined || style === 'plain' ? {} : { style }) };
  return disabled ? { ...look, disabled: {} } : { ...look, callback_data: action };
}

/** An inline keyboard; an empty one takes buttons away in an edit. */
export const renderButtons = (
  rows: ButtonRows | undefined,
): { inline_keyboard: InlineKeyboardButton[][] } => ({
  inline_keyboard: (rows ?? []).filter((row) => row.length > 0).map((row) => row.map(renderButton)),
});

/** The payload of one message. */
export function renderMessage(text: RichText, buttons: ButtonRows | undefined) {
  const keyboard = renderButtons(buttons);
  return {
    ...renderText(text),
    link_preview_options: { is_disabled: true },
    ...(keyboard.inline_keyboard.length > 0 ? { reply_markup: keyboard } : {}),
  };
}
