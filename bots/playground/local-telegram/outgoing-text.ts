// Turns the text parameters of a call (text or caption, parse_mode, entities) into what is stored and shown.
// Used by the message and draft methods. Refuses what the real server refuses.

import type { MessageEntity } from '@grammyjs/types';
import { cleanFormattedText, detectEntities, type FormattedText } from './formatted-text.ts';
import { parseHtml } from './html-parse-mode.ts';
import { parseLegacyMarkdown, parseMarkdownV2 } from './markdown-parse-mode.ts';
import { isRecord, type MethodParams } from './method-params.ts';
import { badRequest } from './telegram-faults.ts';

/**
 * @param field 'text' or 'caption'
 * @returns the cleaned text; its length is not checked here.
 * @throws TelegramFault 400 for markup that does not parse
 */
export function readFormattedText(params: MethodParams, field: 'text' | 'caption'): FormattedText {
  const source = params.text(field) ?? '';
  if (Buffer.from(source).toString() !== source) throw badRequest('strings must be encoded in UTF-8');
  const mode = params.text('parse_mode')?.toLowerCase() ?? '';
  const given = params.value(field === 'text' ? 'entities' : 'caption_entities');
  return detectEntities(cleanFormattedText(parse(source, mode, given)));
}

function parse(source: string, mode: string, given: unknown): FormattedText {
  if (mode === 'html') return parseHtml(source);
  if (mode === 'markdownv2') return parseMarkdownV2(source);
  if (mode === 'markdown') return parseLegacyMarkdown(source);
  if (mode !== '' && mode !== 'none') throw badRequest('unsupported parse_mode');
  return { text: source, entities: readEntities(given, source.length) };
}

function readEntities(given: unknown, textLength: number): MessageEntity[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw badRequest("can't parse entities: expected an Array");
  return given.flatMap((entity): MessageEntity[] => {
    if (!isRecord(entity) || typeof entity.type !== 'string') {
      throw badRequest("can't parse entities: expected an Object");
    }
    const { offset, length } = entity;
    if (!Number.isInteger(offset) || !Number.isInteger(length)) {
      throw badRequest('can\'t parse MessageEntity: field "offset" must be a valid Number');
    }
    const start = offset as number;
    const end = Math.min(textLength, start + (length as number));
    return start >= 0 && end > start
      ? [{ ...entity, offset: start, length: end - start } as MessageEntity]
      : [];
  });
}
