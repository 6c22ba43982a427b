// The local Telegram's parse modes: entities for what is right, the real complaint for what is wrong.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cleanFormattedText,
  detectEntities,
} from '../../../bots/playground/local-telegram/formatted-text.ts';
import { parseHtml } from '../../../bots/playground/local-telegram/html-parse-mode.ts';
import {
  parseLegacyMarkdown,
  parseMarkdownV2,
} from '../../../bots/playground/local-telegram/markdown-parse-mode.ts';

const spans = ({
  text,
  entities,
}: {
  text: string;
  entities: readonly { type: string; offset: number; length: number }[];
}) =>
  [...entities]
    .sort((a, b) => a.offset - b.offset || b.length - a.length)
    .map(({ type, offset, length }) => `${type}:${text.slice(offset, offset + length)}`);

describe('HTML', () => {
  it.each([
    ['<b>bold <i>both</i></b> plain', 'bold both plain', ['bold:bold both', 'italic:both']],
    ['a &lt;b&gt; &amp; &#233; &nbsp;', 'a <b> & é &nbsp;', []],
    ['<a href="https://x.org/?a=1&amp;b">link</a>', 'link', ['text_link:link']],
    ['<a href="javascript:alert(1)">link</a>', 'link', []],
    ['<pre><code class="language-ts">let x</code></pre>', 'let x', ['pre:let x']],
    ['<blockquote expandable>q</blockquote>', 'q', ['expandable_blockquote:q']],
    ['<tg-spoiler>😀</tg-spoiler>x', '😀x', ['spoiler:😀']],
  ])('%s', (source, text, expected) => {
    const parsed = parseHtml(source);
    expect(parsed.text).toBe(text);
    expect(spans(parsed)).toEqual(expected);
  });

  it.each([
    ['<b>x', 'Can\'t find end tag corresponding to start tag "b"'],
    ['é<div>x</div>', 'Unsupported start tag "div" at byte offset 2'],
    ['<b>x</i>', 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'],
    ['x</b>', 'Unexpected end tag at byte offset 1'],
    ['1 < 2', 'Unclosed start tag at byte offset 2'],
  ])('refuses %s', (source, reason) => {
    expect(() => parseHtml(source)).toThrow(`Bad Request: can't parse entities: ${reason}`);
  });

  it('gives back any escaped text unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
        expect(parseHtml(`<b>${escaped}</b>`).text).toBe(text);
      }),
    );
  });
});

describe('MarkdownV2', () => {
  it.each([
    ['*bold _both_* plain', 'bold both plain', ['bold:bold both', 'italic:both']],
    [
      '__under__ ~gone~ ||hidden||',
      'under gone hidden',
      ['underline:under', 'strikethrough:gone', 'spoiler:hidden'],
    ],
    ['[link](https://x.org)', 'link', ['text_link:link']],
    ['`a.b` and ```ts\nlet x```', 'a.b and let x', ['code:a.b', 'pre:let x']],
    ['>one\n>two\nafter', 'one\ntwo\nafter', ['blockquote:one\ntwo\n']],
    ['1\\.5 \\> 1', '1.5 > 1', []],
  ])('%s', (source, text, expected) => {
    const parsed = parseMarkdownV2(source);
    expect(parsed.text).toBe(text);
    expect(spans(parsed)).toEqual(expected);
  });

  it('names an unescaped character and an entity without end', () => {
    expect(() => parseMarkdownV2('3.14')).toThrow(
      "Character '.' is reserved and must be escaped with the preceding '\\'",
    );
    expect(() => parseMarkdownV2('ab *c')).toThrow("Can't find end of Bold entity at byte offset 3");
  });
});

describe('the old Markdown', () => {
  it('knows bold, italic, code and links, and nothing unfinished', () => {
    expect(spans(parseLegacyMarkdown('*b* _i_ `c` [l](https://x.org)'))).toEqual([
      'bold:b',
      'italic:i',
      'code:c',
      'text_link:l',
    ]);
    expect(() => parseLegacyMarkdown('snake_case')).toThrow(
      "Can't find end of the entity starting at byte offset 5",
    );
  });
});

describe('every text', () => {
  it('loses control characters and direction overrides and keeps its entities in place', () => {
    const cleaned = cleanFormattedText({
      text: ' \u202E a\tb\r\n',
      entities: [{ type: 'bold', offset: 3, length: 3 }],
    });
    expect(cleaned).toEqual({ text: 'a b', entities: [{ type: 'bold', offset: 0, length: 3 }] });
  });

  it('shows its links, commands and mentions', () => {
    const found = detectEntities({ text: 'see https://x.org/a. or /help@my_bot, @ada #tag', entities: [] });
    expect(spans(found)).toEqual(['url:https://x.org/a', 'bot_command:/help@my_bot', 'hashtag:#tag']);
  });
});
