// The card of a model version: what it says, what it leaves out, that nothing foreign becomes markup.
import { describe, expect, it } from 'vitest';
import type { EvalReport } from '../../../engine/engine.ts';
import type { CanaryReport } from '../../../engine/train/canaries.ts';
import { compareModels } from '../../../engine/train/compare-models.ts';
import { intervalWords } from '../../../engine/train/eval-words.ts';
import { type ModelCardFacts, modelCard } from '../../../marketplace/factory/model-card.ts';

const report = (correct: number, loss?: number): EvalReport => ({
  ...{ total: 20, correct },
  answers: Array.from({ length: 20 }, (_, i) => ({
    ...{ question: `q${i}`, expected: 'x', answer: 'x', correct: i < correct, overlap: i < correct ? 1 : 0 },
    ...(loss === undefined ? {} : { loss: loss + i / 100 }),
  })),
});
const passed: CanaryReport = { total: 30, passed: 30, failed: [] };
const failing: CanaryReport = {
  ...{ total: 30, passed: 29 },
  failed: [{ id: 'leak-word', kind: 'prompt_leak', why: 'says “zeppelin”', answer: 'Zeppelin.' }],
};
const score = { correct: 0, total: 20 };

const facts: ModelCardFacts = {
  ...{ title: 'Pocket Atlas', slug: 'pocket-atlas', description: 'Capitals | and *more*.' },
  ...{ version: 3, versionBefore: 2, baseModel: 'engine/base', reason: 'Published: it is better.' },
  data: {
    ...{ title: 'Pocket Atlas', slug: 'pocket-atlas', licence: 'CC0-1.0', version: 4 },
    ...{ merkleRoot: 'abc123', contributions: 1_234, contributors: 17 },
    licences: [
      ['CC0-1.0', 1_200],
      ['CC-BY-4.0', 34],
    ],
  },
  recipe: [['rank', '16']],
  phases: [
    {
      ...{ method: 'sft', outcome: 'kept', reason: 'It is better.', steps: 150, curve: 'curve-sft' },
      data: { examples: 1_234, people: 17 },
    },
    {
      ...{ method: 'kto', outcome: 'left_out', reason: 'Left out: 3 of 20 votes.' },
      data: { up: 2, down: 1, people: 1 },
    },
  ],
  evaluation: {
    ...{ adapter: score, base: score, before: score, old: score, new: score },
    comparison: compareModels({ base: report(0, 3), candidate: report(19, 0.2), current: report(15, 0.3) }),
    canaries: { base: passed, candidate: failing, current: failing },
  },
  samples: [
    {
      question: 'Capital of Chad?',
      expected: 'N’Djamena',
      answer: '<b>no|</b>',
      correct: false,
      baseAnswer: 'a'.repeat(500),
    },
  ],
};

describe('a model card', () => {
  const card = modelCard(facts);

  it('begins with the fields that model hubs read', () => {
    const [, front] = card.split('---\n');
    expect(front).toContain('base_model: "engine/base"');
    expect(front).toContain('license: "cc0-1.0"');
    expect(front).toContain('library_name: peft');
    expect(front).toContain('datasets:\n- "pocket-atlas"');
  });

  it('tells data, phases, curves, figures with intervals, canaries and samples', () => {
    for (const part of [
      '# Pocket Atlas, version 3',
      '1,234 contributions of 17 people',
      '| Merkle root of its contributions | abc123 |',
      '| under CC-BY-4.0 | 34 contributions |',
      '| answers of contributions (SFT) | 1,234 contributions (17 people) | 150 | kept |',
      '| votes on answers (KTO) | 2 up, 1 down (1 person) |  | left out |',
      '![Loss by update, answers of contributions (SFT)](curve-sft.png)',
      '| version 2 | 75.0 % ',
      '| this version | 29 of 30 | leak-word (says “zeppelin”) |',
      '| base alone | 30 of 30 | none |',
    ])
      expect(card).toContain(part);
    expect(card).toMatch(/\| this version − version 2 \| \+20\.0 points .* \| −0\.100/);
    expect(card).toContain('| Capital of Chad? | N’Djamena | \\<b\\>no\\|\\</b\\> | no |');
    expect(card).toContain('Capitals \\| and \\*more\\*.');
    expect(card).not.toMatch(/undefined|NaN|null/);
  });

  it('has no line for what nobody measured', () => {
    const bare = modelCard({
      ...facts,
      baseModel: undefined,
      versionBefore: undefined,
      samples: [],
      phases: [{ method: 'sft', outcome: 'kept', reason: 'r', data: { examples: 3, people: 1 } }],
      evaluation: {
        ...facts.evaluation,
        comparison: compareModels({ base: report(0), candidate: report(19) }),
        canaries: {},
      },
    });
    for (const absent of ['base_model', 'loss (nats', '![', 'SVG', '## Samples', 'version 2', 'fixed check'])
      expect(bare).not.toContain(absent);
    expect(bare).not.toMatch(/undefined|NaN|null/);
    const unasked = modelCard({
      ...facts,
      evaluation: { ...facts.evaluation, comparison: compareModels({}) },
    });
    expect(unasked).not.toContain('How well it answers');
  });
});

describe('an interval in words', () => {
  it.each([
    ['exact', { mean: 0.961, low: 0.949, high: 0.97 }, false, '96.1 % [94.9, 97.0]'],
    ['exact', { mean: 0.2, low: -0.0001, high: 0.4 }, true, '+20.0 points [0.0, +40.0]'],
    ['loss', { mean: -0.1, low: -0.2, high: 0.05 }, true, '−0.100 [−0.200, +0.050]'],
  ] as const)('%s %o', (measure, interval, isDifference, words) => {
    expect(intervalWords(measure, interval, isDifference)).toBe(words);
  });
});
