// Our replies as Discord payloads. Pure. Every span is shown to the letter: markdown in it is escaped, mentions parse
// nothing, links are text but our own. Used by the sender. A message is split where the *rendered* text would pass 2000.
import {
  type APIActionRowComponent,
  type APIButtonComponentWithCustomId,
  type APIComponentInMessageActionRow,
  ButtonStyle,
  ComponentType,
  MessageFlags,
} from 'discord.js';
import type { Button, ButtonRows, RichText, Span } from '../core/platform.ts';
import { beginningThatFits, splitRichText } from '../core/split-text.ts';
import { BUTTON_LABEL_CHARS_MAX, MESSAGE_CHARS_MAX } from './discord-limits.ts';

/** Marks, and the colon of a link: a model's words must not become a link to press. */
const MARKS = /[\\*_~`|<[\]]|:(?=\/\/)/g;
const LINE_START_MARKS = /^(\s*)([#\-+>]|\d+(?=\.\s))/gm;

/** Text with every markdown mark escaped. */
const escapeMarkdown = (text: string): string =>
  text
    .replace(MARKS, '\\$&')
    .replace(LINE_START_MARKS, (_, space: string, mark: string) =>
      /\d/.test(mark) ? `${space}${mark}\\` : `${space}\\${mark}`,
    );

/** Emphasis marks around the text but inside its outer spaces, where Discord would not see them. */
function wrap(mark: string, text: string): string {
  const inner = text.trim();
  if (inner === '') return text;
  const start = text.indexOf(inner);
  return `${text.slice(0, start)}${mark}${escapeMarkdown(inner)}${mark}${text.slice(start + inner.length)}`;
}

function codeSpan(text: string): string {
  if (text.includes('\n')) return `\`\`\`\n${text.replaceAll('```', '`\u200b``')}\n\`\`\``;
  return text.includes('`') ? `\`\` ${text.replaceAll('``', '`\u200b`')} \`\`` : `\`${text}\``;
}

const eachLine = (prefix: string, text: string): string =>
  text
    .split('\n')
    .map((line) => `${prefix}${escapeMarkdown(line)}`)
    .join('\n');

function renderSpan(span: Span, before: string): string {
  const atLineStart = before === '' || before.endsWith('\n');
  switch (span.kind) {
    case 'plain':
      // A line-start mark in the middle of a line needs no escape, but a needless one does not show either.
      return escapeMarkdown(span.text);
    case 'bold':
      return wrap('**', span.text);
    case 'italic':
      return wrap('_', span.text);
    case 'code':
      return codeSpan(span.text);
    case 'quote':
      return (atLineStart ? '' : '\n') + eachLine('> ', span.text);
    case 'link':
      return `<${span.text}>`; // angle brackets: no preview is fetched
    case 'small':
      return atLineStart ? eachLine('-# ', span.text) : escapeMarkdown(span.text);
  }
}

/** Rich text as Discord markdown. */
export function renderText(text: RichText): string {
  let out = '';
  for (const span of text) out += renderSpan(span, out);
  return out.trim();
}

const fits = (text: RichText): boolean => renderText(text).length <= MESSAGE_CHARS_MAX;

/** The messages a text needs. */
export const splitForDiscord = (text: RichText): readonly RichText[] => splitRichText(text, fits);

/** What a streaming message shows of a text that has grown too long for one. */
export const beginningForDiscord = (text: RichText): RichText => beginningThatFits(text, fits);

const STYLES = {
  plain: ButtonStyle.Secondary,
  primary: ButtonStyle.Primary,
  success: ButtonStyle.Success,
  danger: ButtonStyle.Danger,
} as const;

const renderButton = (button: Button): APIButtonComponentWithCustomId => ({
  type: ComponentType.Button,
  style: STYLES[button.style ?? 'plain'],
  custom_id: button.action,
  label: button.label.slice(0, BUTTON_LABEL_CHARS_MAX),
  ...(button.disabled ? { disabled: true } : {}),
});

export const renderButtons = (
  rows: ButtonRows | undefined,
): APIActionRowComponent<APIComponentInMessageActionRow>[] =>
  (rows ?? [])
    .filter((row) => row.length > 0)
    .map((row) => ({ type: ComponentType.ActionRow, components: row.map(renderButton) }));

/** The payload of one message; nobody is ever pinged. */
export function renderMessage(text: RichText, buttons: ButtonRows | undefined) {
  return {
    content: renderText(text),
    components: renderButtons(buttons),
    allowed_mentions: { parse: [], replied_user: false },
    flags: MessageFlags.SuppressEmbeds,
  };
}
