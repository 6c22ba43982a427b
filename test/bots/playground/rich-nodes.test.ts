// What the page draws from a message, before any element exists: Telegram entities and Discord markdown as trees.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discordNodes, type MentionNames } from '../../../bots/playground/page/discord-markdown.ts';
import { entityNodes } from '../../../bots/playground/page/entity-nodes.ts';
import { type RichNode, safeUrl } from '../../../bots/playground/page/rich-nodes.ts';

const names: MentionNames = {
  user: (id) => ({ name: `user${id}`, ping: id === '1' }),
  role: () => ({ name: 'role', ping: false }),
  channel: () => 'general',
  everyonePinged: false,
};

/** The tree in one line: bold(text) and so on. */
const flat = (nodes: readonly RichNode[]): string =>
  nodes
    .map((node) => {
      if (node.kind === 'text') return node.text;
      if (node.kind === 'style') return `${node.style}(${flat(node.children)})`;
      if (node.kind === 'link') return `link[${node.url}](${flat(node.children)})`;
      if (node.kind === 'mention') return `mention(${node.label}${node.ping ? '!' : ''})`;
      return `${node.kind}(${node.text})`;
    })
    .join('');

const words = (nodes: readonly RichNode[]): string =>
  nodes
    .map((node) => ('text' in node ? node.text : 'children' in node ? words(node.children) : node.label))
    .join('');

describe('Discord markdown', () => {
  it.each([
    ['**b** *i* __u__ ~~s~~ `c` ||h||', 'bold(b) italic(i) underline(u) strike(s) code(c) spoiler(h)'],
    ['**a *b* c**', 'bold(a italic(b) c)'],
    ['snake_case_name and 2 * 3 * 4', 'snake_case_name and 2 * 3 * 4'],
    ['\\*not\\* **harbor\\_lamp**', '*not* bold(harbor_lamp)'],
    ['> q1\n> q2\nafter', 'quote(q1\nq2)after'],
    ['# H\n-# small\ntext', 'heading1(H)subtext(small)text'],
    ['- one\n- two', 'bullet(one)bullet(two)'],
    ['```ts\nlet **x**\n```', 'block-code(let **x**)'],
    ['<@1> <@2> <#3> @everyone', 'mention(@user1!) mention(@user2) mention(#general) @everyone'],
    [
      '[x](https://a.org) https://b.org. <https://c.org>',
      'link[https://a.org](x) link[https://b.org](https://b.org). link[https://c.org](https://c.org)',
    ],
    ['[x](javascript:alert(1))', '[x](javascript:alert(1))'],
  ])('%s', (text, expected) => {
    expect(flat(discordNodes(text, names))).toBe(expected);
  });

  it('draws 4,000 characters of nothing but marks', () => {
    for (const piece of ['*', '**a', '[', '`', '_a ', '> ', '||', '~~x']) {
      const text = piece.repeat(Math.ceil(4000 / piece.length));
      expect(discordNodes(text, names).length).toBeGreaterThan(0);
    }
  });

  it('never loses or invents a word of plain text', () => {
    // "12. words" at the start is no plain text but a numbered list, whose indent is drawn, not written
    const plain = fc.stringMatching(/^[a-zA-Z0-9 ,.!?é]{0,80}$/).filter((text) => !/^ *\d+\. /.test(text));
    fc.assert(fc.property(plain, (text) => void expect(words(discordNodes(text, names))).toBe(text)));
  });
});

describe('Telegram entities', () => {
  it('nest, and a block takes its line breaks with it', () => {
    const text = 'bold both\nquote\nafter';
    const entities = [
      { type: 'bold', offset: 0, length: 9 },
      { type: 'italic', offset: 5, length: 4 },
      { type: 'blockquote', offset: 10, length: 5 },
    ];
    expect(flat(entityNodes(text, entities))).toBe('bold(bold italic(both))quote(quote)after');
  });

  it('link only where a link is safe', () => {
    const link = (url: string) => flat(entityNodes('x', [{ type: 'text_link', offset: 0, length: 1, url }]));
    expect(link('https://a.org')).toBe('link[https://a.org](x)');
    expect(link('javascript:alert(1)')).toBe('x');
    expect(safeUrl('data:text/html,x')).toBeUndefined();
  });

  it('keep every character whatever the entities are', () => {
    const entity = fc.record({
      type: fc.constantFrom('bold', 'code', 'text_link', 'mention'),
      offset: fc.nat(30),
      length: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.array(entity, { maxLength: 6 }), (text, entities) => {
        expect(words(entityNodes(text, entities))).toBe(text);
      }),
    );
  });
});
