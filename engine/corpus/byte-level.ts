// The byte-level alphabet of GPT-2 tokenizers and our text split, shared by the tokenizer trainer and the fast encoder.
// Used by: train-tokenizer, corpus-encoder. Knows no vocabulary.
// Invariants: each of the 256 bytes has one printable character; the split loses no character of any text.

/**
 * GPT-2's split with one change: digits stand alone (with the space before them, so a number costs no extra token).
 * Serialised into tokenizer.json, so it must mean the same in JavaScript and in Rust's Oniguruma.
 */
export const splitPattern = String.raw`'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

const split = new RegExp(splitPattern, 'gu');

/** Pieces of the text; joined they are the text. Merges never cross a piece. */
export function splitText(text: string): readonly string[] {
  return text.match(split) ?? [];
}

/** Byte value -> its character (https://github.com/openai/gpt-2/blob/master/src/encoder.py, bytes_to_unicode). */
export const byteCharacters: readonly string[] = (() => {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
})();

const utf8 = new TextEncoder();

/** A piece of text as byte-level characters, one for each UTF-8 byte. */
export function byteLevel(piece: string): string {
  let out = '';
  for (const byte of utf8.encode(piece)) out += byteCharacters[byte];
  return out;
}
