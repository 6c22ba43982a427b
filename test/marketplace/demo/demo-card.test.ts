// The card of the demo model: counts by phrasing, and a text that says them.
import { describe, expect, it } from 'vitest';
import type { EvalReport } from '../../../engine/engine.ts';
import { demoCard } from '../../../marketplace/demo/demo-card.ts';
import { demoDatanets } from '../../../marketplace/demo/demo-datanets.ts';
import { demoEvaluation } from '../../../marketplace/demo/demo-evaluation.ts';

const report = (...right: readonly boolean[]): EvalReport => ({
  total: right.length,
  correct: right.filter(Boolean).length,
  answers: right.map((correct, i) => ({
    ...{ question: `question ${i}`, expected: 'Paris', correct },
    answer: correct ? 'It is Paris.' : 'x'.repeat(300),
  })),
});
const adapter = report(true, true, true, false);
const base = report(false, false, true, false);
const evaluation = demoEvaluation([true, true, false, false], adapter, base);

describe('the evaluation', () => {
  it('counts 3 of 4 right: 2 of 2 in seen phrasings, 1 of 2 in unseen ones', () => {
    expect(evaluation.adapter).toEqual({ correct: 3, total: 4 });
    expect(evaluation.base).toEqual({ correct: 1, total: 4 });
    const counts = evaluation.rows.map(({ model, questions, correct, total }) => [
      model,
      questions,
      correct,
      total,
    ]);
    expect(counts.slice(0, 3)).toEqual([
      ['adapter', 'all', 3, 4],
      ['adapter', 'seen phrasing', 2, 2],
      ['adapter', 'unseen phrasing', 1, 2],
    ]);
    for (const { low, high, correct, total } of evaluation.rows) {
      expect(low).toBeLessThanOrEqual(correct / total);
      expect(high).toBeGreaterThanOrEqual(correct / total);
    }
  });
});

describe('the card', () => {
  it('shows adapter and base, right and wrong answers, and leaves out rows that nothing was measured for', () => {
    const row = { answers: 'all', queries: 4, top1: 0.5, top3: 0.75, mrr: 0.6 };
    const card = demoCard({
      datanet: demoDatanets[1],
      ...{ curve: 'curve-sft', dataSha256: 'c0ffee' },
      ...{ evaluation, adapterBytes: 1_337_856, contributors: ['ann', 'bob', 'ann'] },
      trained: {
        ...{ adapter: { id: 'a', dir: '/tmp/a' }, recipe: { rank: 16, lr: 0.015 }, finalLoss: 0.01 },
        trainedTokens: 400_000,
      },
      adapterAnswers: adapter.answers,
      baseAnswers: base.answers,
      attribution: {
        ...{ examples: 330, alpha: 0.9, goldPart: 0.8, paidContributions: 2.5, unpaidQueries: 0 },
        rows: [
          { ...row, method: 'shares' },
          { ...row, method: 'random', answers: 'right', queries: 0, mrr: Number.NaN },
        ],
        decoys: { queries: 160, alpha: 0.3, paid: 0.02 },
      },
    });
    for (const figure of [
      '# Help Desk, a demo model',
      'npm run make-demo-model -- help-desk',
      '**3',
      '(75.0 %)**',
      '**1 (25.0 %)**',
      '| ours, as paid |',
      '1.34 MB',
      '400,000',
    ])
      expect(card).toContain(figure);
    expect(card).toContain('| ann | 2 |');
    expect(card).toContain('| question 3 | Paris |');
    expect(card).not.toMatch(/undefined|NaN|\/tmp\//);
  });
});
