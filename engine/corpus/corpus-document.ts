// The two kinds of training documents, and the cleaning and cutting of text that all sources share.
// Used by: every source reader and build-corpus. Knows no tokenizer and no source.
// Invariants: cleaned text has straight quotes and plain dashes (what people type), no carriage returns, no runs of spaces.

export type Role = 'system' | 'user' | 'assistant';
export interface Turn {
  readonly role: Role;
  readonly content: string;
}

/** A conversation, or plain prose. `id` decides whether the document is held out: same id, same side. */
export type CorpusDocument =
  | { readonly kind: 'chat'; readonly id: string; readonly turns: readonly Turn[] }
  | { readonly kind: 'prose'; readonly id: string; readonly text: string };

export interface QuestionAnswer {
  readonly question: string;
  readonly answer: string;
}

export function chatDocument(id: string, pairs: readonly QuestionAnswer[], system?: string): CorpusDocument {
  const turns: Turn[] = system === undefined ? [] : [{ role: 'system', content: system }];
  for (const { question, answer } of pairs)
    turns.push({ role: 'user', content: question }, { role: 'assistant', content: answer });
  return { kind: 'chat', id, turns };
}

const replacements: readonly (readonly [RegExp, string])[] = [
  [/[\u2018\u2019\u02BC\u2032]/g, "'"],
  [/[\u201C\u201D\u2033]/g, '"'],
  [/\u2026/g, '...'],
  [/\s*[\u2013\u2014\u2E3A]\s*/g, ' - '],
  [/[\u00AD\u200B-\u200D\u2060\uFEFF]/g, ''],
  [/[\u00A0\u2002-\u200A\u202F\t]/g, ' '],
  [/\r\n?/g, '\n'],
  [/ {2,}/g, ' '],
  [/ *\n */g, '\n'],
  [/\n{3,}/g, '\n\n'],
];

export function cleanText(text: string): string {
  return replacements
    .reduce((current, [pattern, by]) => current.replace(pattern, by), text.normalize('NFC'))
    .trim();
}

/** Cuts prose at paragraph ends into pieces of about `charactersMax`, so that one long chapter is not one document. */
export function cutProse(id: string, text: string, charactersMax = 2400): CorpusDocument[] {
  const pieces: CorpusDocument[] = [];
  let piece = '';
  const close = () => {
    if (piece.length >= 80) pieces.push({ kind: 'prose', id: `${id}#${pieces.length}`, text: piece });
    piece = '';
  };
  for (const paragraph of cleanText(text).split('\n\n')) {
    if (piece !== '' && piece.length + paragraph.length > charactersMax) close();
    piece = piece === '' ? paragraph : `${piece}\n\n${paragraph}`;
  }
  close();
  return pieces;
}

/** First letter in upper case, as at the start of a sentence. */
export function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "a", "a and b", "a, b and c". */
export function joinWords(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
