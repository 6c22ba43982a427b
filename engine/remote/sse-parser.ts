// Server-sent events from bytes, as the specification reads them: html.spec.whatwg.org/multipage/server-sent-events.html
// Used by remote-stream.ts. It knows no JSON and no completions. Lines may end in LF, CRLF or CR, events may be split
// anywhere (inside a UTF-8 character, between CR and LF), data may have several lines. Comments are handed on: our own
// server tells queue positions in them. Invariant: an event that its blank line does not close is not handed out.
import type { EngineError } from '../errors.ts';
import { malformed } from './errors.ts';

type SseEvent =
  | { readonly type: 'data'; readonly data: string }
  | { readonly type: 'comment'; readonly text: string };

/** Far above any event of a completion; a server that never ends a line must not fill our memory. */
const eventCharactersMax = 4 * 2 ** 20;

/** @throws EngineError `remote_malformed` for an event too long; what `bytes` throws */
export async function* parseSse(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<SseEvent, void, void> {
  let data: string[] = [];
  let held = 0;
  for await (const line of linesOf(bytes)) {
    held += line.length;
    if (held > eventCharactersMax) throw tooLong();
    if (line === '') {
      if (data.length > 0) yield { type: 'data', data: data.join('\n') };
      data = [];
      held = 0;
    } else if (line.startsWith(':')) {
      yield { type: 'comment', text: fieldValue(line, 1) };
    } else if (line === 'data' || line.startsWith('data:')) {
      data.push(fieldValue(line, 5));
    } else if (line.startsWith('error:')) {
      // llama.cpp's server names the field `error` where others send a data event with an `error` in it.
      yield { type: 'data', data: `{"error":${fieldValue(line, 6)}}` };
    }
  }
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  // Without `fatal`, as the specification has it; it takes the byte order mark away too.
  const decoder = new TextDecoder('utf-8');
  let pending = '';
  for await (const part of bytes) {
    pending += decoder.decode(part, { stream: true });
    let start = 0;
    for (let end = lineEnd(pending, start); end !== undefined; end = lineEnd(pending, start)) {
      yield pending.slice(start, end.at);
      start = end.next;
    }
    pending = pending.slice(start);
    if (pending.length > eventCharactersMax) throw tooLong();
  }
  // A line that its end closes; what has none is no line.
  if (pending.endsWith('\r')) yield pending.slice(0, -1);
}

function tooLong(): EngineError {
  return malformed(`an event of more than ${eventCharactersMax} characters`);
}

/** One space after the colon is not part of the value. */
function fieldValue(line: string, from: number): string {
  return line.slice(line[from] === ' ' ? from + 1 : from);
}

/** Where the line ends and the next begins; a CR at the very end waits for what follows: it may be half of CRLF. */
function lineEnd(text: string, from: number): { readonly at: number; readonly next: number } | undefined {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 10) return { at, next: at + 1 };
    if (code !== 13) continue;
    if (at + 1 === text.length) return undefined;
    return { at, next: text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1 };
  }
  return undefined;
}
