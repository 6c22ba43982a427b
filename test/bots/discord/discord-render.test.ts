// Discord markdown of any text reads back to that text, by a reader written apart; ids come back as they went.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RichText } from '../../../bots/core/platform.ts';
import { conversationIdOf, messageOf, messageRefOf, placeOf } from '../../../bots/discord/discord-ids.ts';
import { renderText, splitForDiscord } from '../../../bots/discord/discord-render.ts';
import { readDiscordMarkdown } from '../../conformance/discord-reader.ts';

const nasty = fc.constantFrom(
  ...'*_~`|<>[]()#-+.:/\\@ 12ab\n😀é'.split(/(?:)/u),
  '```',
  '**',
  '__',
  '||',
  '://',
  'https://a.b',
  '<@1>',
  '@everyone',
  '-# ',
  '> ',
  '1. ',
  '# ',
);
const nastyText = fc.array(nasty, { maxLength: 40 }).map((pieces) => pieces.join(''));

describe('Discord markdown', () => {
  it('shows plain, bold, small and quoted text to the letter, whatever it holds', () => {
    fc.assert(
      fc.property(nastyText, (text) => {
        expect(readDiscordMarkdown(renderText([{ kind: 'plain', text }]))).toBe(text.trim());
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(nastyText, fc.constantFrom('bold', 'small', 'quote' as const), (text, kind) => {
        const shown = readDiscordMarkdown(
          renderText([
            { kind: 'plain', text: 'a\n' },
            { kind, text: `x${text}x` },
          ]),
        );
        expect(shown).toBe(`a\nx${text}x`);
      }),
      { numRuns: 1000 },
    );
  });

  it('links our own pages without a preview, and nothing that is plain', () => {
    const url = 'http://127.0.0.1:8137/wallet#0a1b';
    expect(renderText([{ kind: 'link', text: url }])).toBe(`<${url}>`);
    expect(renderText([{ kind: 'plain', text: url }])).toBe(url.replace('://', '\\://'));
  });

  it('splits by what is rendered: 1,500 stars need 3,000 characters and so two messages', () => {
    const text: RichText = [{ kind: 'plain', text: '*'.repeat(1500) }];
    const parts = splitForDiscord(text);
    expect(parts.map((part) => renderText(part).length)).toEqual([2000, 1000]);
  });

  it('keeps code code across parts and out of reach of its own fence', () => {
    const text: RichText = [{ kind: 'code', text: `${'line of code\n'.repeat(300)}end` }];
    for (const part of splitForDiscord(text)) {
      expect(renderText(part)).toMatch(/^```\n[\s\S]*\n```$/);
      expect(renderText(part).length).toBeLessThanOrEqual(2000);
    }
    expect(renderText([{ kind: 'code', text: 'a\n```\nb' }]).match(/```/g)).toHaveLength(2);
  });
});

describe('ids', () => {
  const snowflake = fc.bigInt({ min: 1n, max: 2n ** 63n }).map(String);
  it('come back as they went', () => {
    fc.assert(
      fc.property(snowflake, fc.option(snowflake, { nil: null }), (channelId, userId) => {
        expect(placeOf(conversationIdOf({ channelId, userId }))).toEqual({ channelId, userId });
      }),
    );
    const route = fc.record({
      token: fc.string({ minLength: 1 }),
      expiresAt: fc.nat(),
      original: fc.boolean(),
    });
    fc.assert(
      fc.property(snowflake, snowflake, fc.boolean(), route, (channelId, messageId, ephemeral, by) => {
        const message = { channelId, messageId, ephemeral, route: by };
        expect(messageOf(messageRefOf(message))).toEqual(message);
        const plain = { channelId, messageId, ephemeral: false, route: null };
        expect(messageOf(messageRefOf(plain))).toEqual(plain);
      }),
    );
  });
});
