// parse_mode=MarkdownV2 and the older Markdown: text plus entities, or the real server's complaint.
// Follows tdlib MessageEntity.cpp parse_markdown_v2 and parse_markdown. Pure.

import type { MessageEntity } from '@grammyjs/types';
import { closeEntity, type FormattedText, type OpenEntity } from './formatted-text.ts';
import { cannotParseEntities } from './telegram-faults.ts';

interface OpenMark {
  readonly mark: string;
  readonly entity: OpenEntity;
  readonly start: number;
  readonly sourceAt: number;
}

const V2_MARKS: readonly (readonly [mark: string, type: string])[] = [
  ['||', 'spoiler'],
  ['__', 'underline'],
  ['*', 'bold'],
  ['_', 'italic'],
  ['~', 'strikethrough'],
];
const V2_RESERVED = '_*[]()~`>#+-=|{}.!';
const ENTITY_NAMES: Readonly<Record<string, string>> = {
  spoiler: 'Spoiler',
  underline: 'Underline',
  bold: 'Bold',
  italic: 'Italic',
  strikethrough: 'Strikethrough',
  text_link: 'TextUrl',
  code: 'Code',
  pre: 'Pre',
};

/** @throws TelegramFault 400 "can't parse entities: …" */
export function parseMarkdownV2(source: string): FormattedText {
  const entities: MessageEntity[] = [];
  const open: OpenMark[] = [];
  let text = '';
  let at = 0;
  let quoteStart = -1;
  const byteOffset = (index: number) => Buffer.byteLength(source.slice(0, index));
  const endQuote = () => {
    if (quoteStart !== -1) entities.push(...closeEntity({ type: 'blockquote' }, quoteStart, text.length));
    quoteStart = -1;
  };

  while (at < source.length) {
    const lineStart = at === 0 || source[at - 1] === '\n';
    if (lineStart && source[at] === '>') {
      if (quoteStart === -1) quoteStart = text.length;
      at += 1;
      continue;
    }
    if (lineStart && quoteStart !== -1) endQuote();
    const unit = source[at];
    if (unit === '\\' && at + 1 < source.length && source.charCodeAt(at + 1) <= 126) {
      text += source[at + 1];
      at += 2;
      continue;
    }
    if (unit === '`') {
      const code = codeAt(source, at, byteOffset);
      entities.push(...closeEntity(code.entity, text.length, text.length + code.text.length));
      text += code.text;
      at = code.end;
      continue;
    }
    const top = open.at(-1);
    if (unit === ']' && top?.mark === '[') {
      const link = /^\]\(((?:\\.|[^)\\])*)\)/.exec(source.slice(at));
      open.pop();
      if (link) {
        const url = link[1].replace(/\\(.)/g, '$1');
        entities.push(...closeEntity({ type: 'text_link', url }, top.start, text.length));
      }
      at += link ? link[0].length : 1;
      continue;
    }
    if (unit === '[') {
      open.push({ mark: '[', entity: { type: 'text_link' }, start: text.length, sourceAt: at });
      at += 1;
      continue;
    }
    const known = V2_MARKS.find(([mark]) => source.startsWith(mark, at));
    if (known) {
      const [mark, type] = known;
      if (top?.mark === mark) {
        open.pop();
        entities.push(...closeEntity(top.entity, top.start, text.length));
      } else {
        open.push({ mark, entity: { type }, start: text.length, sourceAt: at });
      }
      at += mark.length;
      continue;
    }
    if (V2_RESERVED.includes(unit)) {
      throw cannotParseEntities(
        `Character '${unit}' is reserved and must be escaped with the preceding '\\'`,
      );
    }
    text += unit;
    at += 1;
  }
  endQuote();
  const left = open.at(-1);
  if (left) throw unfinished(left.entity.type, byteOffset(left.sourceAt));
  return { text, entities };
}

function unfinished(type: string, byteOffset: number): Error {
  return cannotParseEntities(
    `Can't find end of ${ENTITY_NAMES[type] ?? type} entity at byte offset ${byteOffset}`,
  );
}

function codeAt(source: string, at: number, byteOffset: (index: number) => number) {
  const fenced = source.startsWith('```', at);
  const mark = fenced ? '```' : '`';
  let text = '';
  let end = at + mark.length;
  let language: string | undefined;
  if (fenced) {
    const named = /^([^\s`]+)\n/.exec(source.slice(end));
    if (named) {
      language = named[1];
      end += named[0].length;
    } else if (source[end] === '\n') {
      end += 1;
    }
  }
  while (end < source.length && !source.startsWith(mark, end)) {
    if (source[end] === '\\' && end + 1 < source.length) end += 1;
    text += source[end];
    end += 1;
  }
  const type = fenced ? 'pre' : 'code';
  if (end >= source.length) throw unfinished(type, byteOffset(at));
  const entity: OpenEntity = language === undefined ? { type } : { type, language };
  return { entity, text, end: end + mark.length };
}

const LEGACY_MARKS: Readonly<Record<string, string>> = { '*': 'bold', _: 'italic' };

/** The old mode: no nesting, no escapes inside entities. @throws TelegramFault 400 "can't parse entities: …" */
export function parseLegacyMarkdown(source: string): FormattedText {
  const entities: MessageEntity[] = [];
  let text = '';
  let at = 0;
  const add = (entity: OpenEntity, inner: string) => {
    entities.push(...closeEntity(entity, text.length, text.length + inner.length));
    text += inner;
  };
  while (at < source.length) {
    const unit = source[at];
    const rest = source.slice(at);
    if (unit === '\\' && '_*`['.includes(source[at + 1] ?? ' ')) {
      text += source[at + 1];
      at += 2;
      continue;
    }
    const link = unit === '[' ? /^\[([^\]]*)\]\(([^)]*)\)/.exec(rest) : null;
    const span =
      unit === '`'
        ? (/^```(?:([^\s`]+)\n|\n)?([\s\S]*?)```/.exec(rest) ?? /^`([^`]*)`/.exec(rest))
        : unit === '*' || unit === '_'
          ? new RegExp(`^\\${unit}([^${unit}]*)\\${unit}`).exec(rest)
          : null;
    if (link) {
      add({ type: 'text_link', url: link[2] }, link[1]);
      at += link[0].length;
    } else if (span) {
      const isPre = rest.startsWith('```');
      const type = isPre ? 'pre' : unit === '`' ? 'code' : LEGACY_MARKS[unit];
      add(isPre && span[1] ? { type, language: span[1] } : { type }, (isPre ? span[2] : span[1]) ?? '');
      at += span[0].length;
    } else if (unit === '*' || unit === '_' || unit === '`') {
      throw cannotParseEntities(
        `Can't find end of the entity starting at byte offset ${Buffer.byteLength(source.slice(0, at))}`,
      );
    } else {
      text += unit;
      at += 1;
    }
  }
  return { text, entities };
}
