// A text with its entities: the building steps that all parse modes share. Offsets and lengths are UTF-16 units,
// as the Bot API counts. Used by the parsers and by the methods that take text. Pure.

import type { MessageEntity } from '@grammyjs/types';

export interface FormattedText {
  readonly text: string;
  readonly entities: readonly MessageEntity[];
}

/** An entity as a parser opens it, before its end is known. */
export interface OpenEntity {
  readonly type: string;
  readonly url?: string;
  readonly language?: string;
}

export function closeEntity(open: OpenEntity, start: number, end: number): MessageEntity[] {
  if (end <= start) return [];
  return [{ ...open, offset: start, length: end - start } as MessageEntity];
}

/**
 * What Telegram does to any text before it counts and stores it: line ends unified, control characters turned into
 * spaces, direction overrides (U+2028–U+202E) dropped, white space trimmed at both ends, entities moved along.
 */
export function cleanFormattedText({ text, entities }: FormattedText): FormattedText {
  const keptAt: number[] = [];
  let cleaned = '';
  for (let at = 0; at < text.length; at += 1) {
    keptAt.push(cleaned.length);
    const unit = text[at];
    const code = text.charCodeAt(at);
    if (unit === '\r' || (code >= 0x2028 && code <= 0x202e)) continue;
    cleaned += code < 0x20 && unit !== '\n' ? ' ' : unit;
  }
  keptAt.push(cleaned.length);

  const leading = cleaned.length - cleaned.trimStart().length;
  const body = cleaned.trim();
  const clip = (at: number) =>
    Math.max(0, Math.min(body.length, keptAt[Math.min(at, text.length)] - leading));
  const moved = entities.flatMap((entity): MessageEntity[] => {
    const start = clip(entity.offset);
    const end = clip(entity.offset + entity.length);
    return end > start ? [{ ...entity, offset: start, length: end - start }] : [];
  });
  return { text: body, entities: moved.sort((a, b) => a.offset - b.offset || b.length - a.length) };
}

const DETECTED: readonly (readonly [MessageEntity.CommonMessageEntity['type'], RegExp])[] = [
  ['url', /\bhttps?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]']/g],
  ['bot_command', /(?<![\w/@])\/[a-zA-Z0-9_]{1,64}(?:@[a-zA-Z0-9_]{3,32})?(?![\w/@])/g],
  ['mention', /(?<![\w@])@[a-zA-Z][a-zA-Z0-9_]{3,31}\b/g],
  ['email', /(?<![\w.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g],
  ['hashtag', /(?<![\w#])#[\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*/gu],
];

/** Adds the entities that Telegram finds by itself (links, commands, mentions), outside those given. */
export function detectEntities({ text, entities }: FormattedText): FormattedText {
  const all = [...entities];
  const overlaps = (start: number, end: number) =>
    all.some((known) => start < known.offset + known.length && end > known.offset && !isStyle(known.type));
  for (const [type, pattern] of DETECTED) {
    for (const match of text.matchAll(pattern)) {
      const end = match.index + match[0].length;
      if (!overlaps(match.index, end)) all.push({ type, offset: match.index, length: match[0].length });
    }
  }
  return { text, entities: all.sort((a, b) => a.offset - b.offset || b.length - a.length) };
}

const STYLES = [
  'bold',
  'italic',
  'underline',
  'strikethrough',
  'spoiler',
  'blockquote',
  'expandable_blockquote',
];
const isStyle = (type: string): boolean => STYLES.includes(type);
