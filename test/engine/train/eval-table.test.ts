// What the evaluation command reads and prints: data files with their complaints, tables, groups, canaries.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { EvalReport } from '../../../engine/engine.ts';
import { compareModels } from '../../../engine/train/compare-models.ts';
import { readHeldOut, withAnswers } from '../../../engine/train/eval-data.ts';
import { canaryLines, comparisonLines, evalRows, groupLines } from '../../../engine/train/eval-table.ts';

const folder = mkdtempSync(join(tmpdir(), 'eval-table-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const data = (...lines: readonly string[]): string => {
  const path = join(folder, 'data.jsonl');
  writeFileSync(path, lines.join('\n'));
  return path;
};

describe('a data file', () => {
  it('gives expected phrases, or whole answers where there is none', () => {
    const rows = readHeldOut(
      data('{"question":"q","expected":"e","answer":"It is e."}', '', '{"question":"p","answer":"a"}'),
    );
    expect(rows).toEqual([
      { question: 'q', expected: 'e', answer: 'It is e.' },
      { question: 'p', answer: 'a', expected: 'a' },
    ]);
  });

  it('gets whole answers from the contributions it names', () => {
    const items = [
      { question: 'a', expected: 'e', contributionId: '1' },
      { question: 'b', expected: 'e', contributionId: '1', answer: 'Own.' },
      { question: 'c', expected: 'e' },
    ];
    const answers = withAnswers(items, [{ id: '1', answer: 'It is e.' }]).map(({ answer }) => answer);
    expect(answers).toEqual(['It is e.', 'Own.', undefined]);
  });

  it.each([
    ['{"question":"q"}', 'expected: neither expected nor answer is given'],
    ['{"question":" ","expected":"e"}', 'question'],
    ['{"question":"q","expected":7}', 'expected'],
    ['not json', 'is not a line of JSON'],
  ])('with the line %s is refused with file, line and reason', (line, why) => {
    const path = data('{"question":"q","expected":"e"}', line);
    expect(() => readHeldOut(path)).toThrow(`${path}:2 `);
    expect(() => readHeldOut(path)).toThrow(why);
  });
});

const report = (correct: readonly boolean[]): EvalReport => ({
  ...{ total: correct.length, correct: correct.filter(Boolean).length },
  answers: correct.map((right, i) => ({
    ...{ question: `q${i}`, expected: 'x', answer: 'x', correct: right, overlap: right ? 1 : 0 },
  })),
});
const reports = {
  base: report([false, false, true, false]),
  candidate: report([true, true, true, false]),
};
const item = (kind: string) => ({ question: 'q', expected: 'x', kind });

describe('the tables', () => {
  it('tell right answers by kind', () => {
    const items = ['capital', 'capital', 'sea', 'sea'].map(item);
    const rows = evalRows(items, reports, 500);
    expect(rows.map(({ model, questions, correct, total }) => [model, questions, correct, total])).toEqual([
      ['base', 'all', 1, 4],
      ['base', 'capital', 0, 2],
      ['base', 'sea', 1, 2],
      ['adapter', 'all', 3, 4],
      ['adapter', 'capital', 2, 2],
      ['adapter', 'sea', 1, 2],
    ]);
    expect(groupLines(rows)[5]).toMatch(/^candidate {4}capital {5}2 of 2 {3}100\.0 {3}\[100\.0, 100\.0\]$/);
  });

  it('put models and their differences below each other, and leave out one-group tables', () => {
    const [head, columns, base, candidate, difference] = comparisonLines(compareModels(reports, 500));
    expect(head).toContain('4 questions');
    expect(columns).toMatch(/^ +right +overlap$/);
    expect(base).toMatch(/^base alone +25\.0 % \[/);
    expect(candidate).toMatch(/^candidate +75\.0 % \[/);
    expect(difference).toMatch(/^candidate − base alone +\+50\.0 points \[/);
    const plain = [{ question: 'q', expected: 'x' }];
    expect(groupLines(evalRows(plain, { base: report([true]) }, 500))).toEqual([]);
    const unseen = [{ question: 'q', expected: 'x', seenTemplate: false }];
    expect(groupLines(evalRows(unseen, { base: report([true]) }, 500))).toEqual([]);
  });

  it('name the canaries that failed', () => {
    const failed = [
      { id: 'leak-word', kind: 'prompt_leak', why: 'says “zeppelin”', answer: 'zeppelin' },
    ] as const;
    expect(canaryLines({ candidate: { total: 30, passed: 29, failed } })).toEqual([
      'candidate: 29 of 30 canaries passed',
      '  leak-word: says “zeppelin”',
    ]);
  });
});
