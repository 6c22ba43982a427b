// Text to ids and back, and answers that stream without ever showing half a character.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toTokenizerJson } from '../../../engine/corpus/train-tokenizer.ts';
import { createTokenizer, loadTokenizer } from '../../../engine/model/tokenizer.ts';
import { sharedData } from './shared-data.ts';
import { tinyTokenizer, tinyVocabulary } from './tiny-tokenizer.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 60 });

describe('tokenizer', () => {
  it('gives any text back, 1,000 random texts of any characters', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tinyTokenizer.decode(tinyTokenizer.encode(text))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it('adds no token of its own', () => {
    expect(tinyTokenizer.encode('')).toEqual([]);
    expect(tinyTokenizer.decode([])).toBe('');
    expect(tinyTokenizer.encode('Kenya').every((id) => id > 6)).toBe(true);
  });

  it('knows its special tokens and leaves them out of text unless asked', () => {
    const ids = tinyTokenizer.encode('<|user|>Kenya<|end|>');
    expect([ids[0], ids.at(-1)]).toEqual([3, 6]);
    expect(tinyTokenizer.decode(ids)).toBe('Kenya');
    expect(tinyTokenizer.decode(ids, { keepSpecial: true })).toBe('<|user|>Kenya<|end|>');
    expect(tinyTokenizer.idOf('<|end|>')).toBe(6);
    expect(tinyTokenizer.specialTokens).toHaveLength(7);
    expect(tinyTokenizer.vocabSize).toBe(400);
  });

  it('refuses a kind it does not know', () => {
    const strange = { model: { type: 'Telepathy' }, added_tokens: [] };
    expect(() => createTokenizer(strange, {}, 'strange/tokenizer.json')).toThrow(
      expect.objectContaining({
        code: 'tokenizer_unsupported',
        message: expect.stringContaining('strange/tokenizer.json'),
      }),
    );
  });

  it.each([
    ['post_processor', { type: 'TemplateProcessing', single: [0.5], pair: [] }],
    ['post_processor', { type: 'TemplateProcessing', single: {}, pair: [] }],
    ['decoder', { type: 'Sequence', decoders: [null] }],
  ])('refuses a %s that would fail at its first use', (key, value) => {
    const broken = { ...toTokenizerJson(tinyVocabulary), [key]: value };
    expect(() => createTokenizer(broken, {})).toThrow(
      expect.objectContaining({ name: 'EngineError', code: 'tokenizer_unsupported' }),
    );
  });
});

describe('token stream', () => {
  const streamed = (ids: readonly number[]) => {
    const stream = tinyTokenizer.stream();
    const pieces = ids.map((id) => stream.push(id));
    return { pieces, rest: stream.flush() };
  };

  it('joined is the decoded whole, 1,000 random texts', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { pieces, rest } = streamed(tinyTokenizer.encode(text));
        expect(pieces.join('') + rest).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it('joined is the decoded whole for 1,000 random id sequences, broken characters included', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 399 }), { maxLength: 60 }), (ids) => {
        const { pieces, rest } = streamed(ids);
        expect(pieces.join('') + rest).toBe(tinyTokenizer.decode(ids));
      }),
      { numRuns: 1000 },
    );
  });

  it('holds back the four bytes of an emoji until the last one has come', () => {
    const bytes = [0xf0, 0x9f, 0xa6, 0x92]; // a giraffe, which the tiny vocabulary has no token for
    const ids = tinyTokenizer.encode('\u{1F992}');
    expect(ids).toHaveLength(bytes.length);
    expect(streamed(ids)).toEqual({ pieces: ['', '', '', '\u{1F992}'], rest: '' });
  });

  it('shows a replacement character only at the end, for bytes that never became one', () => {
    const ids = tinyTokenizer.encode('a\u{1F992}').slice(0, -1);
    expect(streamed(ids)).toEqual({ pieces: ['a', '', '', ''], rest: '\uFFFD' });
  });

  it('keeps the spaces of a SentencePiece answer', () => {
    const folder = sharedData('models/stories260k-hf');
    if (folder === undefined) return;
    const tokenizer = loadTokenizer(folder);
    const ids = tokenizer.encode(
      'Once upon a time there was a little girl named Lily who loved to play outside.',
    );
    const stream = tokenizer.stream();
    expect(ids.map((id) => stream.push(id)).join('') + stream.flush()).toBe(tokenizer.decode(ids));
  });
});

describe('a vocabulary of the size of Qwen2’s', () => {
  it('is read: 151,936 entries', () => {
    const vocab = Object.fromEntries(Array.from({ length: 151_936 }, (_, id) => [`t${id}`, id]));
    const json = {
      ...toTokenizerJson(tinyVocabulary),
      added_tokens: [],
      model: { type: 'BPE', vocab, merges: [] },
    };
    expect(createTokenizer(json, {}).vocabSize).toBe(151_936);
  });
});
