// Cuts a rich text into messages that fit: at paragraphs first, then lines, words, and letters as the last resort; never
// inside a surrogate pair. A code span that is cut stays code in both parts. Used by both senders and by streaming
// (which shows only the beginning). Pure; what "fits" means is the caller's (rendered length differs by platform).
import type { RichText, Span } from './platform.ts';

type Fits = (text: RichText) => boolean;

const lengthOf = (text: RichText): number => text.reduce((sum, span) => sum + span.text.length, 0);

/** The spans of letters `start` to `end`. */
function slice(text: RichText, start: number, end: number): RichText {
  const out: Span[] = [];
  let at = 0;
  for (const span of text) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, span.text.length);
    if (to > from) out.push({ kind: span.kind, text: span.text.slice(from, to) });
    at += span.text.length;
  }
  return out;
}

const letters = (text: RichText): string => text.map((span) => span.text).join('');

/** The largest n such that the first n letters fit (fits must be monotonic). */
function mostThatFits(text: RichText, fits: Fits): number {
  let low = 0;
  let high = lengthOf(text);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(slice(text, 0, middle))) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Where to cut within `most` letters: the last paragraph, line or word that leaves a part at least a third full. */
function cutPoint(all: string, most: number): number {
  for (const separator of ['\n\n', '\n', ' ']) {
    // White space at the cut is dropped, so it may begin where the room ends.
    const at = all.lastIndexOf(separator, most);
    if (at >= most / 3) return at;
  }
  const unit = all.charCodeAt(most - 1);
  return unit >= 0xd800 && unit <= 0xdbff && most > 1 ? most - 1 : most;
}

/** Without spaces and line breaks at either end, which platforms drop themselves (and would shift entities). */
function trimRich(text: RichText): RichText {
  const all = letters(text);
  const start = all.length - all.trimStart().length;
  return slice(text, start, Math.max(start, all.trimEnd().length));
}

/** The parts of a text, each fitting, none empty (an empty text gives one empty part). */
export function splitRichText(text: RichText, fits: Fits): readonly RichText[] {
  const parts: RichText[] = [];
  let rest = trimRich(text);
  while (!fits(rest)) {
    const most = mostThatFits(rest, fits);
    if (most === 0) throw new RangeError('Not even one letter fits into a message.');
    const cut = cutPoint(letters(rest), most);
    const part = trimRich(slice(rest, 0, cut));
    if (part.length > 0) parts.push(part);
    rest = trimRich(slice(rest, cut, lengthOf(rest)));
  }
  if (rest.length > 0 || parts.length === 0) parts.push(rest);
  return parts;
}

/** As much of the beginning as fits, with "…" where something was left out: what a stream shows meanwhile. */
export function beginningThatFits(text: RichText, fits: Fits): RichText {
  const whole = trimRich(text);
  if (fits(whole)) return whole;
  const withDots: Fits = (part) => fits([...part, { kind: 'plain', text: ' …' }]);
  const cut = cutPoint(letters(whole), mostThatFits(whole, withDots));
  return [...trimRich(slice(whole, 0, cut)), { kind: 'plain', text: ' …' }];
}
