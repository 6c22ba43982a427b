// Small helpers to write rich text: strings are shown to the letter, so user and model text needs no escaping here.
// Used by commands and by tests. Pure; knows no platform.
import type { RichText, Span } from './platform.ts';

export const bold = (text: string): Span => ({ kind: 'bold', text });
export const italic = (text: string): Span => ({ kind: 'italic', text });
export const code = (text: string): Span => ({ kind: 'code', text });
export const quote = (text: string): Span => ({ kind: 'quote', text });
export const small = (text: string): Span => ({ kind: 'small', text });
export const link = (url: string): Span => ({ kind: 'link', text: url });

type Part = string | Span | RichText | null | undefined | false;

const isRich = (part: Span | RichText): part is RichText => Array.isArray(part);

/** Joins strings and spans into one rich text; empty and absent parts vanish, neighbours of one kind merge. */
export function rich(...parts: readonly Part[]): RichText {
  const spans: Span[] = [];
  const add = (span: Span): void => {
    const last = spans.at(-1);
    if (span.text === '') return;
    if (last !== undefined && last.kind === span.kind && span.kind === 'plain') {
      spans[spans.length - 1] = { kind: 'plain', text: last.text + span.text };
    } else spans.push(span);
  };
  for (const part of parts) {
    if (part === null || part === undefined || part === false) continue;
    if (typeof part === 'string') add({ kind: 'plain', text: part });
    else if (isRich(part)) part.forEach(add);
    else add(part);
  }
  return spans;
}

/** Joins lines with line breaks; absent lines leave no gap, an empty string is an empty line. */
export function lines(...parts: readonly Part[]): RichText {
  const present = parts.filter((part) => part !== null && part !== undefined && part !== false);
  return rich(...present.flatMap((part, i) => (i === 0 ? [part] : ['\n', part])));
}

/** The letters alone, without emphasis. */
export const plainText = (text: RichText): string => text.map((span) => span.text).join('');
