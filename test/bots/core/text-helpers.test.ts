// Text: cut into parts without loss, cleaned without harm, amounts in words, typed commands read.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommand } from '../../../bots/core/parse-command.ts';
import type { RichText } from '../../../bots/core/platform.ts';
import { bold, code, lines, plainText, rich } from '../../../bots/core/rich-text.ts';
import { shownName, typedText, withoutControls } from '../../../bots/core/sanitize-text.ts';
import { beginningThatFits, splitRichText } from '../../../bots/core/split-text.ts';
import { answerText } from '../../../bots/core/streaming-text.ts';
import { count, duration, openAmount, percent } from '../../../bots/core/words.ts';

const atMost = (chars: number) => (text: RichText) => plainText(text).length <= chars;
const span = fc.record({
  kind: fc.constantFrom('plain', 'bold', 'code', 'quote' as const),
  text: fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', '😀', 'é', '.'), maxLength: 80 }),
});

describe('splitting', () => {
  it('loses nothing but white space at the cuts, never splits a letter, and every part fits', () => {
    fc.assert(
      fc.property(fc.array(span, { maxLength: 8 }), fc.integer({ min: 2, max: 60 }), (text, chars) => {
        const parts = splitRichText(text, atMost(chars));
        for (const part of parts) {
          expect(plainText(part).length).toBeLessThanOrEqual(chars);
          expect(plainText(part).isWellFormed()).toBe(true);
        }
        const bare = (value: string) => value.replace(/\s/g, '');
        expect(bare(parts.map(plainText).join(''))).toBe(bare(plainText(text)));
        expect(plainText(beginningThatFits(text, atMost(chars))).length).toBeLessThanOrEqual(chars);
      }),
    );
  });

  it('prefers paragraphs, then lines, then words, and keeps a cut code block code', () => {
    expect(splitRichText(rich('one two\n\nthree four'), atMost(12)).map(plainText)).toEqual([
      'one two',
      'three four',
    ]);
    expect(splitRichText(rich('alpha beta gamma'), atMost(11)).map(plainText)).toEqual([
      'alpha beta',
      'gamma',
    ]);
    expect(splitRichText([code('aaaa\nbbbb\ncccc')], atMost(9))).toEqual([
      [code('aaaa\nbbbb')],
      [code('cccc')],
    ]);
  });
});

describe('a model’s words', () => {
  it('makes fences and inline code code, also while they are open, and keeps the rest to the letter', () => {
    expect(answerText('Use `ls` **now**:\n```sh\nls -l\n```\ndone')).toEqual([
      { kind: 'plain', text: 'Use ' },
      code('ls'),
      { kind: 'plain', text: ' **now**:\n' },
      code('ls -l'),
      { kind: 'plain', text: '\ndone' },
    ]);
    expect(answerText('look:\n```\nhalf a li').filter(({ kind }) => kind === 'code')).toEqual([
      code('half a li'),
    ]);
    expect(plainText(answerText('look:\n```\nhalf a li'))).toBe('look:\nhalf a li');
  });

  it('holds half a letter back and shows every beginning of a stream without failing', () => {
    const whole = 'He said `code` 😀 and\n```\nx = 1\n```\nbye';
    for (let i = 0; i <= whole.length; i += 1)
      expect(plainText(answerText(whole.slice(0, i))).isWellFormed()).toBe(true);
    expect(plainText(answerText('x\uD83D'))).toBe('x');
  });
});

describe('cleaning', () => {
  it('takes out overrides, isolates, controls and zero-width marks; leaves scripts, emoji and line breaks', () => {
    expect(withoutControls('a\u202Eb\u2066c\u2069d\u0000e\u200Bf\r\ng\u2028h')).toBe('abcdef\ng\nh');
    expect(withoutControls('שלום مرحبا 👩‍👩‍👧 नमस्ते')).toBe('שלום مرحبا 👩‍👩‍👧 नमस्ते');
  });

  it('refuses 100,000 characters by length alone', () => {
    expect(typedText('x'.repeat(100_000), 4000)).toEqual({
      ok: false,
      code: 'too_long',
      chars: 100_000,
      charsMax: 4000,
    });
    expect(typedText(' \u200B\n', 10)).toEqual({ ok: false, code: 'empty' });
    expect(typedText('  hi ', 10)).toEqual({ ok: true, text: 'hi' });
  });

  it('makes names one short line', () => {
    expect(shownName('  A\nB\t\u202EC ')).toBe('A B C');
    expect(shownName('\u200B')).toBe('somebody');
    expect(shownName('n'.repeat(100_000))).toHaveLength(40);
  });
});

describe('words', () => {
  it('writes amounts exactly', () => {
    expect(
      [0n, 1n, 12_500_000n, 1_000_000_000n, -2_500_000_000n, 1_234_567_000_000_000n].map(openAmount),
    ).toEqual(['0 OPEN', '0.000000001 OPEN', '0.0125 OPEN', '1 OPEN', '−2.5 OPEN', '1,234,567 OPEN']);
    expect([percent(0.5), percent(0.00001), percent(0), percent(0.1234)]).toEqual([
      '50 %',
      '<0.1 %',
      '0 %',
      '12.3 %',
    ]);
    expect([count(1, 'model'), count(1204, 'model'), duration(40_000), duration(600_000)]).toEqual([
      '1 model',
      '1,204 models',
      'about 40 s',
      'about 10 min',
    ]);
  });

  it('joins lines, drops absent ones, merges plain neighbours', () => {
    expect(lines('a', null, false, '', bold('b'))).toEqual([{ kind: 'plain', text: 'a\n\n' }, bold('b')]);
  });
});

describe('typed commands', () => {
  const definitions = [
    {
      name: 'ask',
      description: '',
      options: [{ name: 'question', description: '', required: true, rest: true }],
    },
    { name: 'receipt', description: '', options: [{ name: 'number', description: '', required: false }] },
  ];

  it.each([
    ['/ask what is\n this?', { name: 'ask', addressee: null, args: { question: 'what is\n this?' } }],
    ['/ASK@My_Bot hi', { name: 'ask', addressee: 'my_bot', args: { question: 'hi' } }],
    ['/receipt 7 please', { name: 'receipt', addressee: null, args: { number: '7' } }],
    ['/ask', { name: 'ask', addressee: null, args: {} }],
    ['/nothing at all', { name: 'nothing', addressee: null, args: {} }],
    ['/ hello', null],
    ['and/or', null],
    ['/etc/passwd', null],
  ])('reads %j', (line, wanted) => {
    expect(parseCommand(line, definitions)).toEqual(wanted);
  });
});
