// What people type is made plain, and nothing visible is lost.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cleanText } from '../../marketplace/clean-text.ts';
import { controlCharacter } from '../../marketplace/datanets/contribution-checks.ts';

it('removes control, direction and zero-width characters, and keeps words, lines, tabs and emoji', () => {
  expect(cleanText('  a\u0000b\u202ec\u200bd\ufeff  ')).toBe('abcd');
  expect(cleanText('one\r\ntwo\rthree\n\tfour')).toBe('one\ntwo\nthree\n\tfour');
  expect(cleanText('👩‍👩‍👧 שלום')).toBe('👩‍👩‍👧 שלום');
  expect(cleanText('O\u0308')).toBe('Ö');
  expect(cleanText(' \u200b\u202e\n')).toBe('');
});

it('leaves nothing that the control-character check would name, for any text, and is idempotent', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const clean = cleanText(text);
      expect(controlCharacter(clean)).toBeNull();
      expect(cleanText(clean)).toBe(clean);
    }),
    { numRuns: 500 },
  );
});
