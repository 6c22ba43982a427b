// A model's words as rich text, safe at every moment of a stream: fenced and inline code become code spans (an open
// fence counts as closed at the end), everything else is shown to the letter. Used for intermediate and final answers.
// Pure. A half letter (lone surrogate) at the end of a stream is held back until its other half has come.
import type { RichText, Span } from './platform.ts';
import { rich } from './rich-text.ts';
import { withoutControls } from './sanitize-text.ts';

const FENCE = /^[ \t]*```[^\n`]*$/;
const INLINE = /`([^`\n]+)`/g;

function inlineSpans(text: string): RichText {
  const spans: Span[] = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    spans.push({ kind: 'plain', text: text.slice(at, match.index) }, { kind: 'code', text: match[1] ?? '' });
    at = match.index + match[0].length;
  }
  return rich(...spans, text.slice(at));
}

/** A whole or partial answer as rich text. */
export function answerText(text: string): RichText {
  const shown = withoutControls(text.replace(/[\uD800-\uDBFF]$/, ''));
  if (!shown.includes('`')) return rich(shown);
  const spans: (RichText | string)[] = [];
  let prose: string[] = [];
  let fenced: string[] | null = null;
  const flushProse = (): void => {
    if (prose.length > 0) spans.push(inlineSpans(`${prose.join('\n')}\n`));
    prose = [];
  };
  const flushCode = (code: readonly string[]): void => {
    if (code.join('').trim() !== '') spans.push([{ kind: 'code', text: code.join('\n') }], '\n');
  };
  for (const line of shown.split('\n')) {
    if (!FENCE.test(line)) (fenced ?? prose).push(line);
    else if (fenced === null) {
      flushProse();
      fenced = [];
    } else {
      flushCode(fenced);
      fenced = null;
    }
  }
  if (fenced !== null) flushCode(fenced);
  flushProse();
  const all = rich(...spans);
  const last = all.at(-1);
  return last?.kind === 'plain' ? rich(...all.slice(0, -1), last.text.replace(/\n$/, '')) : all;
}
