// Checks reply_markup: inline keyboards, ready-answer keyboards, forced replies. Used by the message methods.
// Pure. Error sentences are the real server's.

import type { InlineKeyboardMarkup } from '@grammyjs/types';
import type { InlineButtonView, TelegramPromptView } from '../page/view-types.ts';
import { TELEGRAM_LIMITS } from './local-telegram-limits.ts';
import { isRecord } from './method-params.ts';
import { badRequest } from './telegram-faults.ts';

export type CheckedMarkup =
  | { readonly kind: 'none' }
  | { readonly kind: 'inline'; readonly markup: InlineKeyboardMarkup }
  /** Replaces what the input field offers; `null` takes it away. */
  | {
      readonly kind: 'prompt';
      readonly prompt: Omit<TelegramPromptView, 'force_reply_to'> | null;
      readonly forceReply: boolean;
    };

const BUTTON_KINDS = [
  'callback_data',
  'url',
  'copy_text',
  'disabled',
  'web_app',
  'login_url',
  'switch_inline_query',
  'switch_inline_query_current_chat',
  'switch_inline_query_chosen_chat',
  'pay',
] as const;

/** @throws TelegramFault 400 for keyboards the real server would refuse */
export function checkReplyMarkup(value: unknown): CheckedMarkup {
  if (value === undefined || value === null) return { kind: 'none' };
  if (!isRecord(value)) throw badRequest('object expected as reply markup');
  if ('inline_keyboard' in value) {
    const rows = rowsOf(value.inline_keyboard, 'inline_keyboard').filter((row) => row.length > 0);
    const keyboard = rows.map((row) => row.map(checkInlineButton));
    if (keyboard.flat().length > TELEGRAM_LIMITS.buttonsPerKeyboard)
      throw badRequest('reply markup is too long');
    if (keyboard.length === 0) return { kind: 'none' };
    return { kind: 'inline', markup: { inline_keyboard: keyboard } as unknown as InlineKeyboardMarkup };
  }
  const placeholder = readPlaceholder(value.input_field_placeholder);
  if ('keyboard' in value) {
    const keyboard = rowsOf(value.keyboard, 'keyboard').map((row) => row.map(labelOf));
    return { kind: 'prompt', prompt: { keyboard, placeholder }, forceReply: false };
  }
  if (value.force_reply === true) return { kind: 'prompt', prompt: { placeholder }, forceReply: true };
  if (value.remove_keyboard === true) return { kind: 'prompt', prompt: null, forceReply: false };
  return { kind: 'none' };
}

function readPlaceholder(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  if ([...value].length > TELEGRAM_LIMITS.placeholderChars)
    throw badRequest('input field placeholder is too long');
  return value;
}

function rowsOf(value: unknown, field: string): unknown[][] {
  if (!Array.isArray(value)) throw badRequest(`field "${field}" must be of type Array`);
  return value.map((row): unknown[] => {
    if (!Array.isArray(row)) throw badRequest(`field "${field}" must be an Array of Arrays`);
    return row;
  });
}

function labelOf(button: unknown): string {
  const label = typeof button === 'string' ? button : isRecord(button) ? button.text : undefined;
  if (typeof label !== 'string')
    throw badRequest('can\'t parse keyboard button: field "text" must be of type String');
  return label;
}

function checkInlineButton(button: unknown): InlineButtonView {
  const refuse = (reason: string) => badRequest(`can't parse inline keyboard button: ${reason}`);
  if (!isRecord(button)) throw refuse('InlineKeyboardButton must be an Object');
  if (typeof button.text !== 'string') throw refuse('field "text" must be of type String');
  if (button.text.trim() === '') throw refuse('button text must not be empty');
  const kinds = BUTTON_KINDS.filter((kind) => button[kind] !== undefined);
  if (kinds.length === 0) throw refuse('Text buttons are unallowed in the inline keyboard');
  if (kinds.length > 1) throw refuse('Exactly one type of the button must be specified');
  if (button.style !== undefined && !['danger', 'success', 'primary'].includes(String(button.style))) {
    throw refuse('invalid button style specified');
  }
  if (kinds[0] === 'callback_data') {
    const bytes = Buffer.byteLength(String(button.callback_data));
    if (bytes < 1 || bytes > TELEGRAM_LIMITS.callbackDataBytes) throw badRequest('BUTTON_DATA_INVALID');
  }
  if (kinds[0] === 'url' && !/^(https?|tg):\/\/[^\s]+\.?[^\s]*$/i.test(String(button.url))) {
    throw badRequest(`inline keyboard button URL '${String(button.url)}' is invalid: Wrong HTTP URL`);
  }
  if (kinds[0] === 'copy_text') {
    const copied = isRecord(button.copy_text) ? button.copy_text.text : undefined;
    if (typeof copied !== 'string' || copied === '' || copied.length > TELEGRAM_LIMITS.copyTextChars) {
      throw badRequest('BUTTON_COPY_TEXT_INVALID');
    }
  }
  return button as unknown as InlineButtonView;
}
