// What people type, made plain before it is used: one Unicode form, no control or direction-changing characters, no
// lone surrogates. Used for questions, contributions and review reasons. Pure.

/** Characters that show nothing and can reorder or hide text: C0/C1 controls, bidi controls, zero-width space, BOM. */
const INVISIBLE = /[\p{Cc}\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;

/** NFC; line ends as \n; tabs kept; other invisible characters removed; white space at the ends removed. */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFC')
    .replace(/\r\n?/g, '\n')
    .replace(INVISIBLE, (char) => (char === '\n' || char === '\t' ? char : ''))
    .trim();
}
