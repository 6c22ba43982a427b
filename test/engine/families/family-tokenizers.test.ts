// The kinds of tokenizer.json that the families have: text comes back, streams are the decoded whole, and ids worked out
// by hand for what differs (digits, the space before a text, bytes of unknown characters, tokens after special ones).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTokenizer, type ModelTokenizer } from '../../../engine/model/tokenizer.ts';
import {
  llama2Tokenizer,
  llama3Tokenizer,
  mistralTokenizer,
  qwen2Tokenizer,
  smolLm2Tokenizer,
  type TokenizerFiles,
} from './family-tokenizers.ts';

const made = ({ tokenizer, config }: TokenizerFiles): ModelTokenizer => createTokenizer(tokenizer, config);
const kinds: readonly (readonly [string, ModelTokenizer, (text: string) => string])[] = [
  ['Llama 3', made(llama3Tokenizer()), (text) => text],
  ['Qwen2', made(qwen2Tokenizer()), (text) => text.normalize('NFC')],
  ['SmolLM2', made(smolLm2Tokenizer()), (text) => text],
  ['Llama 2', made(llama2Tokenizer()), (text) => text],
  ['Mistral v0.3', made(mistralTokenizer(true)), (text) => text],
];

// SentencePiece writes a space as ▁ and cannot tell the two apart; its byte decoder drops a byte order mark.
const anyText = fc
  .string({ unit: 'binary', maxLength: 60 })
  .map((text) => text.replaceAll('\u2581', '_').replaceAll('\uFEFF', ''));

/** Pieces as they are pushed, and what the end releases. */
function streamed(tokenizer: ModelTokenizer, ids: readonly number[]): readonly string[] {
  const stream = tokenizer.stream();
  return [...ids.map((id) => stream.push(id)), stream.flush()];
}

describe.each(kinds)('a tokenizer of the kind of %s', (_, tokenizer, normal) => {
  it('gives any text back, whole and streamed, 500 random texts', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids)).toBe(normal(text));
        expect(streamed(tokenizer, ids).join('')).toBe(normal(text));
      }),
      { numRuns: 500 },
    );
  });

  it('streams 500 random id sequences as it decodes them whole, broken characters included', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(tokenizer.vocabSize - 1), { maxLength: 60 }), (ids) => {
        expect(streamed(tokenizer, ids).join('')).toBe(tokenizer.decode(ids));
      }),
      { numRuns: 500 },
    );
  });

  it('holds an emoji of four bytes back until its last byte', () => {
    const ids = tokenizer.encode('x\u{1F992}');
    const pieces = streamed(tokenizer, ids);
    expect(pieces.filter((piece) => piece !== '')).toEqual(['x', '\u{1F992}']);
    expect(pieces.findLastIndex((piece) => piece !== '')).toBe(ids.length - 1);
  });

  it('keeps the spaces between the words of a stream of 60 tokens', () => {
    const text = 'Hello there, how are you? The capital of Kenya is Nairobi. '.repeat(3).trim();
    expect(streamed(tokenizer, tokenizer.encode(text)).join('')).toBe(text);
  });
});

describe('what differs', () => {
  const texts = (tokenizer: ModelTokenizer, text: string): readonly string[] =>
    tokenizer.encode(text).map((id) => tokenizer.decode([id], { keepSpecial: true }));
  const [llama3, qwen2, smolLm2, llama2, mistral] = kinds.map(([, tokenizer]) => tokenizer);

  it('digits stand alone in Qwen2 and SmolLM2', () => {
    expect(texts(qwen2, '1984')).toEqual(['1', '9', '8', '4']);
    expect(texts(smolLm2, '1984')).toEqual(['1', '9', '8', '4']);
  });

  it('Qwen2 composes accents, the others leave them', () => {
    expect(qwen2.encode('e\u0301')).toEqual(qwen2.encode('\u00E9'));
    expect(llama3.encode('e\u0301')).not.toEqual(llama3.encode('\u00E9'));
  });

  it('Llama 2 puts a space before each piece of text: <s>, ▁Hello, ▁there', () => {
    const [hello, there] = ['▁Hello', '▁there'].map((token) => llama2.idOf(token)!);
    expect(llama2.encode('Hello there')).toEqual([hello, there]);
    expect(llama2.encode('<s>Hello there')).toEqual([1, hello, there]);
    expect(llama2.decode([1, hello, there])).toBe('Hello there');
  });

  it('Mistral v0.3 puts one at the very beginning only, and knows [INST]', () => {
    const [hello, there] = ['▁Hello', '▁there'].map((token) => mistral.idOf(token)!);
    expect(mistral.encode('Hello there')).toEqual([hello, there]);
    expect(mistral.encode('<s>[INST] Hello there')).toEqual([1, 3, hello, there]);
    expect(mistral.encode('[INST]H')).toEqual([3, mistral.idOf('H')]);
  });

  it('SentencePiece spells what it has no token for in bytes: é is <0xC3> <0xA9>', () => {
    const [c3, a9] = ['<0xC3>', '<0xA9>'].map((token) => llama2.idOf(token)!);
    expect([c3, a9]).toEqual([3 + 0xc3, 3 + 0xa9]);
    expect(llama2.encode('é')).toEqual([llama2.idOf('▁'), c3, a9]);
    expect(streamed(llama2, [c3, a9])).toEqual(['', 'é', '']);
    expect(streamed(llama2, [c3])).toEqual(['', '\uFFFD']);
  });
});
