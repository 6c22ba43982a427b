// parse_mode=HTML: text plus entities, or the real server's complaint with its byte offset.
// Follows tdlib MessageEntity.cpp parse_html: the same tags, the same sentences. Pure.

import type { MessageEntity } from '@grammyjs/types';
import { closeEntity, type FormattedText, type OpenEntity } from './formatted-text.ts';
import { cannotParseEntities } from './telegram-faults.ts';

const SIMPLE_TAGS: Readonly<Record<string, string>> = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  ins: 'underline',
  s: 'strikethrough',
  strike: 'strikethrough',
  del: 'strikethrough',
  'tg-spoiler': 'spoiler',
  code: 'code',
  pre: 'pre',
};
const NAMED_CHARACTERS: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' };

interface OpenTag {
  readonly name: string;
  readonly entity: OpenEntity | undefined;
  readonly start: number;
  /** For `<code class="language-…">` directly inside `<pre>`. */
  readonly language: string | undefined;
}

/** @throws TelegramFault 400 "can't parse entities: …" */
export function parseHtml(source: string): FormattedText {
  const entities: MessageEntity[] = [];
  const open: OpenTag[] = [];
  let text = '';
  let at = 0;
  let preLanguage: string | undefined;
  const byteOffset = (index: number) => Buffer.byteLength(source.slice(0, index));

  while (at < source.length) {
    const unit = source[at];
    if (unit === '&') {
      const named = /^&(?:(lt|gt|amp|quot)|#(\d+)|#x([0-9a-fA-F]+));/.exec(source.slice(at, at + 12));
      text += named ? characterOf(named) : '&';
      at += named ? named[0].length : 1;
      continue;
    }
    if (unit !== '<') {
      text += unit;
      at += 1;
      continue;
    }
    const end = endOfTag(source, at);
    if (end === -1) throw cannotParseEntities(`Unclosed start tag at byte offset ${byteOffset(at)}`);
    const inside = source.slice(at + 1, end);
    if (inside.startsWith('/')) {
      const name = inside.slice(1).trim().toLowerCase();
      const last = open.pop();
      if (last === undefined)
        throw cannotParseEntities(`Unexpected end tag at byte offset ${byteOffset(at)}`);
      if (name !== '' && name !== last.name) {
        throw cannotParseEntities(
          `Unmatched end tag at byte offset ${byteOffset(at)}, expected "</${last.name}>", found "</${name}>"`,
        );
      }
      if (last.language) preLanguage = last.language;
      if (last.entity) {
        const language = last.name === 'pre' ? preLanguage : undefined;
        entities.push(
          ...closeEntity(language ? { ...last.entity, language } : last.entity, last.start, text.length),
        );
        if (last.name === 'pre') preLanguage = undefined;
      }
    } else {
      open.push(openTag(inside, text.length, open.at(-1)?.name, byteOffset(at)));
    }
    at = end + 1;
  }
  const left = open.at(-1);
  if (left) throw cannotParseEntities(`Can't find end tag corresponding to start tag "${left.name}"`);
  return { text, entities };
}

function characterOf(match: RegExpExecArray): string {
  const [, name, decimal, hex] = match;
  if (name !== undefined) return NAMED_CHARACTERS[name];
  const code = decimal !== undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
}

/** The `>` that ends the tag at `start`, not one inside a quoted attribute. */
function endOfTag(source: string, start: number): number {
  let quote = '';
  for (let at = start + 1; at < source.length; at += 1) {
    const unit = source[at];
    if (quote !== '') {
      if (unit === quote) quote = '';
    } else if (unit === '"' || unit === "'") {
      quote = unit;
    } else if (unit === '>') {
      return at;
    }
  }
  return -1;
}

function openTag(inside: string, start: number, parent: string | undefined, byteOffset: number): OpenTag {
  const name = (/^[^\s/]*/.exec(inside)?.[0] ?? '').toLowerCase();
  const attributes = new Map<string, string>();
  for (const match of inside
    .slice(name.length)
    .matchAll(/([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?/g)) {
    attributes.set(match[1].toLowerCase(), match[2] ?? match[3] ?? match[4] ?? '');
  }
  const tag = (entity: OpenEntity | undefined, language?: string): OpenTag => ({
    name,
    entity,
    start,
    language,
  });
  const language = attributes.get('class')?.replace(/^language-/, '');
  if (name === 'code' && parent === 'pre') return tag(undefined, language);
  if (Object.hasOwn(SIMPLE_TAGS, name)) return tag({ type: SIMPLE_TAGS[name] });
  if (name === 'span') {
    if (attributes.get('class') === 'tg-spoiler') return tag({ type: 'spoiler' });
    throw cannotParseEntities(`Tag "span" must have class "tg-spoiler" at byte offset ${byteOffset}`);
  }
  if (name === 'blockquote') {
    return tag({ type: attributes.has('expandable') ? 'expandable_blockquote' : 'blockquote' });
  }
  if (name === 'a') {
    const url = attributes.get('href') ?? '';
    return tag(/^(https?|tg|mailto):/i.test(url) ? { type: 'text_link', url } : undefined);
  }
  if (name === 'tg-emoji') return tag(undefined);
  throw cannotParseEntities(`Unsupported start tag "${name}" at byte offset ${byteOffset}`);
}
