// Makes text that people typed fit to be shown and asked: control characters, direction overrides and isolates, and
// invisible marks go; letters of every script, emoji and line breaks stay. A huge input is refused by its length before
// anything reads it. Used by commands. Pure; says nothing about markup (renderers show everything to the letter).

/** C0 and C1 controls but tab and line break; direction marks, embeddings, overrides, isolates; BOM and tag letters. */
const HARMFUL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing control characters is the point
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]|[\u{E0000}-\u{E007F}]/gu;

/** The text without characters that hide, reorder or break what people see. */
export const withoutControls = (text: string): string =>
  text
    .replace(/\r\n?|\u2028|\u2029/g, '\n')
    .toWellFormed()
    .replace(HARMFUL, '');

/** At most `charsMax` UTF-16 units, cut between letters, with "…" where something was left out. */
export function shorten(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  return `${text.slice(0, charsMax - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** A name as others see it: one line, at most 40 characters. */
export function shownName(name: string): string {
  const cleaned = withoutControls(name.slice(0, 400)).replace(/\s+/g, ' ').trim();
  return cleaned === '' ? 'somebody' : shorten(cleaned, 40);
}

/** A text by somebody else, shown inside one of our messages. */
export const shownText = (text: string, charsMax: number): string =>
  shorten(withoutControls(text.slice(0, charsMax * 2)).trim(), charsMax);

type TypedText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly code: 'empty' }
  | { readonly ok: false; readonly code: 'too_long'; readonly chars: number; readonly charsMax: number };

/** What a person typed, ready to be asked or stored, or why not. */
export function typedText(raw: string, charsMax: number): TypedText {
  if (raw.length > charsMax) return { ok: false, code: 'too_long', chars: raw.length, charsMax };
  const text = withoutControls(raw).trim();
  return text === '' ? { ok: false, code: 'empty' } : { ok: true, text };
}
