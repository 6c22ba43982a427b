// How pairs and thumbs may be spelt, and where their answers begin as tokens.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  readPreferenceData,
  readPreferencePairs,
  readRatedAnswers,
  readRatedData,
} from '../../../engine/train/preference-data.ts';
import { characterEncoder, textOfIds } from './character-encoder.ts';

const folder = mkdtempSync(join(tmpdir(), 'preference-data-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fileOf = (...rows: readonly unknown[]): string => {
  const path = join(folder, 'data.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
};
const stop = { onBadRow: 'stop' } as const;
const skip = { onBadRow: 'skip' } as const;
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

describe('a pair', () => {
  const pair = { id: '1', messages: [user('Why?')], chosen: 'Because.', rejected: 'No.' };
  it.each([
    ['messages and texts', { messages: [user('Why?')], chosen: 'Because.', rejected: 'No.' }],
    ['a bare prompt', { prompt: 'Why?', chosen: 'Because.', rejected: 'No.' }],
    ['our own question', { question: 'Why?', chosen: 'Because.', rejected: 'No.' }],
    [
      'a prompt and answers in messages',
      { prompt: [user('Why?')], chosen: [assistant('Because.')], rejected: [assistant('No.')] },
    ],
    [
      'whole conversations',
      { chosen: [user('Why?'), assistant('Because.')], rejected: [user('Why?'), assistant('No.')] },
    ],
    [
      'whole conversations beside their prompt, with further columns',
      {
        ...{ prompt: 'Why?', score_chosen: 9 },
        ...{ chosen: [user('Why?'), assistant('Because.')], rejected: [user('Why?'), assistant('No.')] },
      },
    ],
  ])('may be spelt as %s', (_, row) => {
    expect(readPreferencePairs(fileOf(row), stop).rows).toEqual([{ row: 1, value: pair }]);
  });

  it.each([
    ['no prompt', { chosen: 'a', rejected: 'b' }],
    ['one answer', { prompt: 'p', chosen: 'a' }],
    ['a conversation of another prompt', { prompt: 'p', chosen: [user('q'), assistant('a')], rejected: 'b' }],
    ['two conversations', { chosen: [user('q'), assistant('a')], rejected: [user('r'), assistant('b')] }],
  ])('with %s is refused by its row', (_, row) => {
    const path = fileOf({ ...pair, id: 'good' }, row);
    expect(() => readPreferencePairs(path, stop)).toThrow(`${path}:2: not of the expected form`);
  });

  it.each([
    ['the same answers', { prompt: 'p', chosen: 'a ', rejected: 'a' }, 'same_answers'],
    ['an empty chosen answer', { prompt: 'p', chosen: ' ', rejected: 'a' }, 'empty_answer'],
    ['an empty rejected answer', { prompt: 'p', chosen: 'a', rejected: '' }, 'empty_answer'],
  ])('with %s is skipped with the reason', (_, row, reason) => {
    const { rows, report } = readPreferencePairs(fileOf(pair, row), skip);
    expect(rows).toHaveLength(1);
    expect(report).toMatchObject({ rows: 2, kept: 1, skipped: 1, reasons: { [reason]: 1 } });
    expect(report.firstSkipped).toMatchObject([{ row: 2, reason }]);
  });

  it('becomes two examples after the same prompt tokens, ends of turn included', () => {
    const { examples } = readPreferenceData(fileOf(pair), {
      ...{ policy: stop, encoder: characterEncoder, maxTokens: 100 },
    });
    const [{ id, chosen, rejected }] = examples;
    expect([id, chosen.answerStart, rejected.answerStart]).toEqual(['1', 11, 11]);
    expect(textOfIds(chosen.ids)).toBe('[u]Why?;[a]Because.;');
    expect(textOfIds(rejected.ids)).toBe('[u]Why?;[a]No.;');
  });

  it('that is too long keeps one prompt for both: the longer answer decides how much of it is left', () => {
    const long = { prompt: 'x'.repeat(20), chosen: 'abcdefghij', rejected: 'k' };
    const { examples, report } = readPreferenceData(fileOf(long), {
      ...{ policy: stop, encoder: characterEncoder, maxTokens: 16 },
    });
    const [{ chosen, rejected }] = examples;
    expect(textOfIds(chosen.ids)).toBe('xxxxxxxx;[a]abcd');
    expect(textOfIds(rejected.ids)).toBe('xxxxxxxx;[a]k;');
    expect(report).toMatchObject({ kept: 1, cut: 1, firstCut: [{ row: 1, id: '1', tokens: 38 }] });
  });

  it('whose answers differ only behind the cut is skipped', () => {
    const late = { prompt: 'p', chosen: `${'a'.repeat(20)}b`, rejected: `${'a'.repeat(20)}c` };
    const { report } = readPreferenceData(fileOf(pair, late), {
      ...{ policy: skip, encoder: characterEncoder, maxTokens: 20 },
    });
    expect(report.firstSkipped).toEqual([
      { row: 2, id: '2', reason: 'same_answers', detail: 'in the first 20 tokens' },
    ]);
  });
});

describe('a thumb', () => {
  const rated = { id: '1', messages: [user('Why?')], answer: 'Because.', good: true };
  it.each([
    ['our own fields', { messages: [user('Why?')], answer: 'Because.', good: true }],
    ['prompt, completion and label', { prompt: 'Why?', completion: 'Because.', label: true }],
    ['messages throughout', { prompt: [user('Why?')], completion: [assistant('Because.')], label: true }],
    [
      'a conversation that ends with the answer',
      { messages: [user('Why?'), assistant('Because.')], good: true },
    ],
  ])('may be spelt as %s', (_, row) => {
    expect(readRatedAnswers(fileOf(row), stop).rows).toEqual([{ row: 1, value: rated }]);
  });

  it.each([
    ['no verdict', { prompt: 'p', completion: 'a' }, 'no good or label'],
    ['a verdict in numbers', { prompt: 'p', completion: 'a', label: 4 }, 'expected'],
    ['no answer', { prompt: 'p', label: false }, 'no answer'],
  ])('with %s is refused by its row', (_, row, message) => {
    const path = fileOf(row);
    expect(() => readRatedAnswers(path, stop)).toThrow(`${path}:1: not of the expected form: ${message}`);
  });

  it('becomes an example that keeps its verdict', () => {
    const { examples } = readRatedData(fileOf({ ...rated, good: false }), {
      ...{ policy: stop, encoder: characterEncoder, maxTokens: 100 },
    });
    expect(examples).toMatchObject([{ id: '1', good: false, answerStart: 11 }]);
    expect(textOfIds(examples[0].ids)).toBe('[u]Why?;[a]Because.;');
  });
});
