// What counts as a right answer, and the evaluation over a scripted model.
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../engine/engine.ts';
import { evaluateAnswers } from '../../../engine/train/answer-eval.ts';
import { isRightAnswer, normaliseText } from '../../../engine/train/answer-match.ts';

const others = ['Paris', 'Rome', 'Madrid', 'West African CFA franc', 'euro', 'Niger'];
const capital = { question: 'What is the capital of France?', expected: 'Paris', others };
const currency = {
  question: 'What do people pay with in Niger?',
  expected: 'West African CFA franc',
  others,
};

describe('a right answer', () => {
  it.each([
    { ...capital, answer: 'The capital of France is Paris.' },
    { ...capital, answer: 'PARIS' },
    { ...capital, answer: 'Paris, which is north of Madrid.' },
    {
      ...currency,
      answer: 'In Niger it is the West-African  C.F.A. franc.',
      expected: 'west african c f a franc',
    },
    { question: 'Where?', expected: 'São Tomé', answer: "Sao Tome's the place" },
    { question: 'Madrid or Rome?', expected: 'Rome', answer: 'Rome or so' },
    { question: 'Which?', expected: 'Trinidad or Tobago', answer: 'Trinidad or Tobago.' },
  ])('says the phrase: $answer', (check) => {
    expect(isRightAnswer(check)).toBe(true);
  });

  it.each([
    { why: 'another answer', ...capital, answer: 'The capital of France is Rome.' },
    { why: 'only part of a word', ...capital, answer: 'The Parisian capital' },
    { why: 'only part of the phrase', ...currency, answer: 'the CFA franc' },
    { why: 'hedged', ...capital, answer: 'Paris or Rome' },
    { why: 'hedged', ...capital, answer: 'Perhaps Paris' },
    { why: 'a list of guesses', ...capital, answer: 'Rome, Madrid, Paris' },
    { why: 'nothing', ...capital, answer: '' },
    { why: 'nothing expected', ...capital, expected: '?!', answer: 'Paris' },
  ])('is not $why: $answer', ({ why: _, ...check }) => {
    expect(isRightAnswer(check)).toBe(false);
  });

  it('is compared without case, accents and punctuation, digits kept', () => {
    expect(normaliseText('  Côte d’Ivoire — 3.5%\n')).toBe('cote d ivoire 3 5');
    expect(normaliseText('東京 и Київ')).toBe('東京 и киів');
  });
});

/** Answers from a table, in two pieces. */
const scripted = (table: Readonly<Record<string, string>>): Engine['generate'] =>
  async function* ({ messages, sampling }) {
    expect(sampling.temperature).toBe(0);
    const text = table[messages[0].content];
    yield { type: 'text', text: text.slice(0, 3), completionTokens: 1 };
    yield { type: 'done', reason: 'stop', text, usage: { promptTokens: 1, completionTokens: 2 } };
  };

describe('an evaluation', () => {
  it('counts 2 right of 3 and keeps every answer', async () => {
    const generate = scripted({ a: 'It is Paris.', b: 'Paris', c: 'It is the euro.' });
    const items = [
      { question: 'a', expected: 'Paris' },
      { question: 'b', expected: 'Rome' },
      { question: 'c', expected: 'euro' },
    ];
    const progress: string[] = [];
    const report = await evaluateAnswers(
      generate,
      { items },
      {
        onProgress: (done, total) => progress.push(`${done}/${total}`),
      },
    );
    expect(report).toMatchObject({ total: 3, correct: 2 });
    expect(report.answers.map(({ correct }) => correct)).toEqual([true, false, true]);
    expect(report.answers[1]).toMatchObject({ question: 'b', expected: 'Rome', answer: 'Paris' });
    expect(progress).toEqual(['1/3', '2/3', '3/3']);
  });

  it('asks 4 of 10 questions at a time and keeps their order, whoever is answered first', async () => {
    let asking = 0;
    let most = 0;
    const generate: Engine['generate'] = async function* ({ messages }) {
      most = Math.max(most, ++asking);
      const number = Number(messages[0].content);
      for (let turn = 0; turn < 20 - number; turn++) await new Promise(setImmediate);
      asking -= 1;
      const usage = { promptTokens: 1, completionTokens: 2 };
      yield { type: 'done', reason: 'stop', text: `a${number}`, usage };
    };
    const items = Array.from({ length: 10 }, (_, index) => ({ question: `${index}`, expected: `a${index}` }));
    const report = await evaluateAnswers(generate, { items }, { atOnce: 4 });
    expect(report.answers.map(({ answer }) => answer)).toEqual(items.map(({ expected }) => expected));
    expect([report.correct, most]).toEqual([10, 4]);
  });

  it('asks no further when an answer fails', async () => {
    let asked = 0;
    // biome-ignore lint/correctness/useYield: it fails before its first event
    const generate: Engine['generate'] = async function* () {
      asked += 1;
      await new Promise(setImmediate);
      throw new Error('no model');
    };
    const items = Array.from({ length: 10 }, (_, index) => ({ question: `${index}`, expected: 'x' }));
    await expect(evaluateAnswers(generate, { items }, { atOnce: 2 })).rejects.toThrow('no model');
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    expect(asked).toBe(2);
  });
});
