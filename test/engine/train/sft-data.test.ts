// Where an answer begins, what a line of data may look like, and what happens to what is too long.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type ExampleEncoder,
  questionAnswer,
  readChatExamples,
  readSftData,
  tokeniseExample,
} from '../../../engine/train/sft-data.ts';
import { characterEncoder, textOfIds } from './character-encoder.ts';

const folder = mkdtempSync(join(tmpdir(), 'sft-data-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a tokenised example', () => {
  const example = { id: 'x', messages: questionAnswer({ question: 'Why?', answer: 'Because' }) };

  it('splits "[u]Why?;[a]" from "Because;", the end of the turn included', () => {
    const { ids, answerStart } = tokeniseExample(characterEncoder, example, 100);
    expect(textOfIds(ids.slice(0, answerStart))).toBe('[u]Why?;[a]');
    expect(textOfIds(ids.slice(answerStart))).toBe('Because;');
  });

  it('keeps both ends near the answer when only 12 tokens fit', () => {
    const { ids, answerStart } = tokeniseExample(characterEncoder, example, 12);
    expect(textOfIds(ids.slice(0, answerStart))).toBe(']Why?;[a]');
    expect(ids).toHaveLength(12);
  });

  it('refuses a template that writes an answered question differently', () => {
    const odd: ExampleEncoder = { ...characterEncoder, render: (_, openAnswer) => (openAnswer ? 'a' : 'b') };
    expect(() => tokeniseExample(odd, example, 100)).toThrow(/chat template/);
  });
});

describe('a file of examples', () => {
  const read = (text: string) => {
    const path = join(folder, 'data.jsonl');
    writeFileSync(path, text);
    return readChatExamples(path);
  };

  it('takes questions and conversations, and numbers lines without an id', () => {
    const conversation = { id: 'c', messages: questionAnswer({ question: 'q', answer: 'a' }) };
    const lines = [JSON.stringify({ question: 'q', answer: 'a' }), '', JSON.stringify(conversation)];
    expect(read(lines.join('\n'))).toEqual([{ ...conversation, id: '1' }, conversation]);
  });

  it('takes a weight of 0.5 with a row, and refuses one of -1', () => {
    const path = join(folder, 'weighted.jsonl');
    const row = (weight: number): string => JSON.stringify({ id: 'w', question: 'q', answer: 'a', weight });
    const options = { policy: { onBadRow: 'stop' }, encoder: characterEncoder, maxTokens: 50 } as const;
    writeFileSync(path, row(0.5));
    expect(readSftData(path, options).examples).toMatchObject([{ id: 'w', weight: 0.5 }]);
    writeFileSync(path, row(-1));
    expect(() => readSftData(path, options)).toThrow('not of the expected form');
  });

  it.each([
    ['{"id":"1","question":"q"}', ':1: not of the expected form: neither'],
    ['not json', ':1: not JSON'],
    ['', ':1: no examples'],
    ['{"messages":[{"role":"assistant","content":"a"},{"role":"user","content":"q"}]}', 'is no answer'],
  ])('refuses %s', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});
