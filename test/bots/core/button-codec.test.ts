// Buttons as strings and back: whatever this version writes it reads, everything else is null and never an error.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ACTION_BYTES_MAX,
  type ActionKind,
  actionOpensForm,
  decodeAction,
  encodeAction,
} from '../../../bots/core/button-codec.ts';

const withoutArgument = ['help', 'balance', 'models', 'datanets', 'review_next', 'form_gone'] as const;
const withArgument = [
  'stop',
  'rate_up',
  'rate_down',
  'why',
  'why_refresh',
  'sentences',
  'again',
  'receipt',
  'model',
  'choose',
  'example',
  'datanet',
  'contribute',
  'contribution',
  'consent',
  'decline',
  'accept',
  'reject',
  'reject_reason',
] as const satisfies readonly ActionKind[];
const argument = fc.string({ minLength: 1, maxLength: 45, unit: 'grapheme-ascii' });

describe('button codec', () => {
  it('gives every action back, in at most 48 bytes, each kind with a code of its own', () => {
    fc.assert(
      fc.property(fc.constantFrom(...withArgument), argument, (kind, text) => {
        const encoded = encodeAction(kind, text);
        expect(Buffer.byteLength(encoded)).toBeLessThanOrEqual(ACTION_BYTES_MAX);
        expect(decodeAction(encoded)).toEqual({ kind, argument: text });
      }),
    );
    for (const kind of withoutArgument)
      expect(decodeAction(encodeAction(kind))).toEqual({ kind, argument: '' });
    const codes = [
      ...withoutArgument.map((kind) => encodeAction(kind)),
      ...withArgument.map((kind) => encodeAction(kind, 'x')),
    ];
    expect(new Set(codes.map((encoded) => encoded.slice(0, 3))).size).toBe(codes.length);
  });

  it('reads any other string as null', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const action = decodeAction(text);
        if (action !== null) expect(encodeAction(action.kind, action.argument)).toBe(text);
      }),
    );
    for (const old of ['', '0upcall', '2upcall', '1zzcall', '1up', '1hpx', `1up${'x'.repeat(46)}`])
      expect(decodeAction(old)).toBeNull();
  });

  it('refuses what would not fit, and knows which presses open a form', () => {
    expect(() => encodeAction('why', 'é'.repeat(23))).toThrow(RangeError);
    expect(() => encodeAction('why')).toThrow(RangeError);
    expect(() => encodeAction('help', 'x')).toThrow(RangeError);
    expect(['1cfatlas', '1rfc1', '1csatlas', '1upc1', 'old'].map(actionOpensForm)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
