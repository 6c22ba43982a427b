// The suffix array beside a naive sort of all suffixes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { suffixArray } from '../../../../engine/attribution/spans/suffix-array.ts';

function naive(values: readonly number[]): readonly number[] {
  const compare = (a: number, b: number): number => {
    for (let i = 0; ; i++) {
      if (a + i >= values.length || b + i >= values.length) return b - a; // the shorter one first
      if (values[a + i] !== values[b + i]) return values[a + i] - values[b + i];
    }
  };
  return values.map((_, place) => place).sort(compare);
}

const ours = (values: readonly number[]): readonly number[] =>
  Array.from(suffixArray(Uint32Array.from(values), Math.max(0, ...values)));

describe('the suffix array', () => {
  it('equals a naive sort for 2,000 random sequences over 1 to 300 values', () => {
    const sequence = fc
      .integer({ min: 0, max: 300 })
      .chain((largest) => fc.array(fc.integer({ min: 0, max: largest }), { maxLength: 80 }));
    fc.assert(
      fc.property(sequence, (values) => {
        expect(ours(values)).toEqual(naive(values));
      }),
      { numRuns: 2000 },
    );
  });

  it('equals a naive sort where whole stretches come again and again', () => {
    const repeated = fc
      .tuple(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 }), fc.nat(3), fc.nat(9))
      .map(([stretch, odd, times]) => [...Array.from({ length: times + 1 }, () => stretch).flat(), odd]);
    fc.assert(
      fc.property(fc.array(repeated, { maxLength: 4 }), (parts) => {
        const values = parts.flat();
        expect(ours(values)).toEqual(naive(values));
      }),
      { numRuns: 500 },
    );
  });

  it('knows the empty sequence, a single value, and one value 1,000 times', () => {
    expect(ours([])).toEqual([]);
    expect(ours([7])).toEqual([0]);
    expect(ours(Array.from({ length: 1000 }, () => 5))).toEqual(
      Array.from({ length: 1000 }, (_, i) => 999 - i),
    );
  });

  it('is the known one of "mississippi"', () => {
    expect(ours([...'mississippi'].map((letter) => letter.charCodeAt(0)))).toEqual([
      10, 7, 4, 1, 0, 9, 8, 6, 3, 5, 2,
    ]);
  });
});
