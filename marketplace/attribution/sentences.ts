// The sentences of a text as ranges, for asking who made each one. Used by read-provenance.ts and sentence-makers.ts. Pure.
// Where sentences end is decided by Unicode's rules (Intl.Segmenter); a piece without two words ("St.", "1.") belongs to the next.
import type { TextRange } from '../../engine/engine.ts';

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
const SENTENCES_MAX = 12;
const WORD = /[\p{L}\p{N}]+/gu;

/** At most 12, in order, without the spaces around them; what follows the twelfth belongs to it. */
export function sentencesOf(text: string): readonly TextRange[] {
  const ranges: { start: number; end: number }[] = [];
  let open: number | null = null;
  for (const { index, segment } of segmenter.segment(text)) {
    const start: number = open ?? index + (segment.length - segment.trimStart().length);
    const end = index + segment.trimEnd().length;
    if (end <= start) continue;
    const isShort = (text.slice(start, end).match(WORD) ?? []).length < 2;
    open = isShort ? start : null;
    if (!isShort) ranges.push({ start, end });
  }
  const last = ranges.at(-1);
  if (open !== null) {
    const end = text.trimEnd().length;
    if (last === undefined) ranges.push({ start: open, end });
    else ranges[ranges.length - 1] = { start: last.start, end };
  }
  if (ranges.length <= SENTENCES_MAX) return ranges;
  const shown = ranges.slice(0, SENTENCES_MAX);
  const { end } = ranges[ranges.length - 1];
  return shown.with(-1, { ...shown[SENTENCES_MAX - 1], end });
}
