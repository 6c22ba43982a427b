// Server-sent events read as the specification has them, however the bytes are cut.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSse } from '../../../engine/remote/sse-parser.ts';

async function eventsOf(parts: readonly Uint8Array[]): Promise<readonly string[]> {
  const source = async function* () {
    yield* parts;
  };
  const events: string[] = [];
  for await (const event of parseSse(source()))
    events.push(event.type === 'data' ? event.data : `: ${event.text}`);
  return events;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('server-sent events', () => {
  it.each([
    ['LF', 'data: a\n\ndata: b\n\n', ['a', 'b']],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['CR alone, also at the very end', 'data: a\r\rdata: b\r\r', ['a', 'b']],
    ['no space, one space, two spaces', 'data:a\n\ndata: b\n\ndata:  c\n\n', ['a', 'b', ' c']],
    ['several data lines are one event', 'data: a\ndata\ndata: b\n\n', ['a\n\nb']],
    [
      'comments, alone or inside an event',
      ': ping\n\n:\ndata: a\n: x\ndata: b\n\n',
      [': ping', ': ', ': x', 'a\nb'],
    ],
    ['other fields are skipped', 'event: x\nid: 1\nretry: 5\ndata: a\n\nevent: y\n\n', ['a']],
    ['an event without its blank line is none', 'data: a\n\ndata: b\n', ['a']],
    ['a byte order mark', '\uFEFFdata: a\n\n', ['a']],
    ['llama.cpp’s error field', 'error: {"code":500}\n\n', ['{"error":{"code":500}}']],
    ['a field that only begins with data', 'database: x\n\n', []],
  ])('%s', async (_, text, expected) => {
    expect(await eventsOf([bytes(text)])).toEqual(expected);
  });

  it('the same events however the bytes are cut: inside characters, between CR and LF', async () => {
    const text = fc.stringMatching(/^[a-zé語😀 :]{0,12}$/u);
    const end = fc.constantFrom('\n', '\r\n', '\r');
    const event = fc.record({
      lines: fc.array(text, { minLength: 1, maxLength: 3 }),
      end,
      comment: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 6 }),
        fc.array(fc.nat(200), { maxLength: 12 }),
        async (list, cuts) => {
          const whole = bytes(
            list
              .map(({ lines, end, comment }) =>
                [...(comment ? [': c'] : []), ...lines.map((line) => `data: ${line}`), '', ''].join(end),
              )
              .join(''),
          );
          const expected = list.flatMap(({ lines, comment }) => [
            ...(comment ? [': c'] : []),
            lines.join('\n'),
          ]);
          const at = [
            0,
            ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b),
            whole.length,
          ];
          const parts = at.slice(1).map((to, index) => whole.subarray(at[index], to));
          expect(await eventsOf(parts)).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a line that never ends is refused instead of kept', async () => {
    const endless = async function* () {
      for (;;) yield new Uint8Array(2 ** 20).fill(97);
    };
    await expect(parseSse(endless()).next()).rejects.toMatchObject({ code: 'remote_malformed' });
  });
});
