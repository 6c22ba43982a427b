// The vocabulary trainer: against a slow recount, against the library that loads its file, and on any text.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteLevel, splitText } from '../../../engine/corpus/byte-level.ts';
import { createCorpusEncoder } from '../../../engine/corpus/corpus-encoder.ts';
import {
  applyMerge,
  countWords,
  readVocabulary,
  specialTokens,
  toTokenizerJson,
  trainBpe,
} from '../../../engine/corpus/train-tokenizer.ts';
import { tinyTokenizer, tinyVocabulary } from '../model/tiny-tokenizer.ts';

/** Counts all pairs anew before each merge: what the incremental trainer must equal. */
function slowMerges(counts: ReadonlyMap<string, number>, merges: number): [number, number][] {
  const words = [...counts].map(([piece, count]) => ({
    ids: Array.from(new TextEncoder().encode(piece), (byte) => specialTokens.length + byte),
    count,
  }));
  const out: [number, number][] = [];
  while (out.length < merges) {
    const pairs = new Map<string, number>();
    for (const { ids, count } of words)
      for (let i = 0; i + 1 < ids.length; i++) {
        const key = `${ids[i]} ${ids[i + 1]}`;
        pairs.set(key, (pairs.get(key) ?? 0) + count);
      }
    const ranked = [...pairs].map(([key, count]) => ({ pair: key.split(' ').map(Number), count }));
    ranked.sort((a, b) => b.count - a.count || a.pair[0] - b.pair[0] || a.pair[1] - b.pair[1]);
    if (ranked.length === 0 || ranked[0].count < 2) break;
    const [left, right] = ranked[0].pair;
    const merged = specialTokens.length + 256 + out.length;
    for (const word of words) word.ids = applyMerge(word.ids, left, right, merged);
    out.push([left, right]);
  }
  return out;
}

describe('tokenizer trainer', () => {
  it('makes the merges of a slow recount, 60 random texts', () => {
    const texts = fc.array(fc.stringMatching(/^[ab c]{1,12}$/), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(texts, (list) => {
        const counts = new Map<string, number>();
        for (const text of list) countWords(text, counts);
        expect(trainBpe(counts, specialTokens.length + 256 + 15).merges).toEqual(slowMerges(counts, 15));
      }),
      { numRuns: 60 },
    );
  });

  it('splits without losing a character, digits one by one, 1,000 random texts', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(splitText(text).join('')).toBe(text);
      }),
      { numRuns: 1000 },
    );
    expect(splitText("It's 1984, isn't it?")).toEqual([
      'It',
      "'s",
      ' 1',
      '9',
      '8',
      '4',
      ',',
      ' isn',
      "'t",
      ' it',
      '?',
    ]);
  });

  it('never merges digits into one token', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 50; i++) countWords('It was 1984 and 1985 and 1984.', counts);
    const { tokens } = trainBpe(counts, 320);
    expect(tokens.slice(specialTokens.length).filter((token) => /\d\d/.test(token))).toEqual([]);
  });

  it('writes a file whose ids are those of the fast encoder, 1,000 random texts', () => {
    const encode = createCorpusEncoder(tinyVocabulary);
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.lorem());
    fc.assert(
      fc.property(text, (value) => {
        expect(tinyTokenizer.encode(value)).toEqual([...encode(value)]);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads back the vocabulary of a written file, to the last merge', () => {
    const written: unknown = JSON.parse(JSON.stringify(toTokenizerJson(tinyVocabulary)));
    expect(readVocabulary(written)).toEqual(tinyVocabulary);
    expect(() => readVocabulary({ model: { vocab: { a: 0 }, merges: ['a b'] } })).toThrow(/names b/);
  });

  it('gives each of the 256 bytes one printable character', () => {
    expect(byteLevel(' é\n')).toBe('ĠÃ©Ċ');
    expect(new Set(tinyVocabulary.tokens).size).toBe(tinyVocabulary.tokens.length);
  });
});
