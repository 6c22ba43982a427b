// The card of the base model: history, chart, credits and text from figures.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { corpusCredits } from '../../../engine/corpus/corpus-credits.ts';
import { corpusSources } from '../../../engine/corpus/corpus-sources.ts';
import { type BaseCard, baseCard } from '../../../engine/train/base-card.ts';
import { goalRows, proseSources } from '../../../engine/train/base-goals.ts';
import { niceTicks } from '../../../engine/train/chart-axis.ts';
import { windowsOf } from '../../../engine/train/held-out-loss.ts';
import { readInstructRecord } from '../../../engine/train/instruct-record.ts';
import { lineChartSvg } from '../../../engine/train/line-chart-svg.ts';
import { plainText } from '../../../engine/train/markdown-text.ts';
import { pretrainFields } from '../../../engine/train/pretrain-config.ts';
import { historySentences, thinnedCurve, trainingHistory } from '../../../engine/train/training-history.ts';

const start = (step: number, steps: number) =>
  JSON.stringify({ type: 'start', parameters: 10, trained: 10, step, steps });
const progress = (step: number, loss: number) =>
  JSON.stringify({ type: 'progress', step, steps: 40, tokens: step * 100, tokensPerSecond: 500, loss });
const heldOut = (step: number, loss: number) =>
  JSON.stringify({ type: 'eval', step, losses: { tales: loss } });

const log = [
  start(0, 60),
  progress(10, 5),
  progress(20, 4),
  heldOut(20, 4.5),
  progress(30, 9), // after the checkpoint that the second part starts from: forgotten
  JSON.stringify({ type: 'stopped', step: 20 }),
  start(20, 40),
  progress(30, 3),
  progress(40, 2),
  heldOut(40, 2.5),
  'a warning that is no event',
];

describe('the history of a run', () => {
  it('joins two parts of 20 and 20 updates and forgets what the second part did again', () => {
    const history = trainingHistory(log);
    expect(history.curve).toEqual([
      { step: 10, loss: 5 },
      { step: 20, loss: 4 },
      { step: 30, loss: 3 },
      { step: 40, loss: 2 },
    ]);
    expect(history).toMatchObject({ steps: 40, tokens: 4000, parameters: 10, computeSeconds: 8 });
    expect(history.heldOut.map(({ step }) => step)).toEqual([20, 40]);
  });

  it('takes a start after the last update for no part of it: nothing was left to train', () => {
    const again = trainingHistory([...log, start(40, 40), JSON.stringify({ type: 'done', step: 40 })]);
    expect(again).toEqual(trainingHistory(log));
  });

  it('tells of a plan that was changed, and of a stop without a change', () => {
    expect(historySentences([{ step: 0, steps: 40 }])).toEqual([]);
    const [changed, stopped] = historySentences([
      { step: 0, steps: 14000 },
      { step: 2273, steps: 9000 },
      { step: 2395, steps: 9000 },
    ]);
    expect(changed).toContain('laid out for 14,000 updates until update 2,273');
    expect(changed).toContain('a schedule for 9,000');
    expect(stopped).toContain('At update 2,395');
    const stops = historySentences([0, 170, 437, 843].map((step) => ({ step, steps: 40 })));
    expect(stops).toEqual([
      'At updates 170, 437 and 843 the run was stopped and taken up again from its checkpoint, with the same plan.',
    ]);
  });

  it('thins 1,000 points to at most 300 and keeps the mean', () => {
    const curve = Array.from({ length: 1000 }, (_, i) => ({ step: i + 1, loss: i }));
    const thinned = thinnedCurve(curve, 300);
    expect(thinned.length).toBeLessThanOrEqual(300);
    expect(thinned[0]).toEqual({ step: 4, loss: 1.5 });
    expect(thinned.at(-1)?.step).toBe(1000);
  });
});

describe('the chart', () => {
  it('has round ticks that enclose its numbers', () => {
    expect(niceTicks(0, 9000, 8)).toEqual([0, 2000, 4000, 6000, 8000, 10000]);
    expect(niceTicks(0, 7.9, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('is an SVG with a path a line, escaped names and no NaN', () => {
    const svg = lineChartSvg({
      title: 'a < b',
      xLabel: 'x',
      yLabel: 'y',
      lines: [
        {
          name: 'one',
          points: [
            [0, 1],
            [10, 2],
          ],
        },
        { name: 'raw', faint: true, points: [[5, 3]] },
      ],
    });
    expect(svg).toMatch(/^<svg /);
    expect(svg).toContain('a &lt; b');
    expect(svg.match(/stroke-linejoin/g)).toHaveLength(2);
    expect(svg).not.toContain('NaN');
    expect(svg).not.toContain('>raw<');
  });
});

const recipe = pretrainFields.omit({ data: true, out: true }).parse({
  ...{ dim: 8, layers: 1, heads: 2, kvHeads: 1, ffn: 16, vocab: 64, seq: 16, batch: 4, steps: 40, lr: 0.003 },
});
const sources = [
  {
    ...{ name: 'tales', files: ['text/openstax-astronomy.ccby4.jsonl'], licence: 'CC-BY-4.0', weight: 2 },
    ...{ documents: 1234, trainTokens: 5678, lastWeight: 3, lastTokens: 90, validTokens: 90 },
  },
];
const facts: BaseCard = {
  config: {
    ...{ dim: 8, layers: 1, heads: 2, kvHeads: 1, headDim: 4, ffn: 16, vocab: 64, maxSeq: 16 },
    ...{ ropeTheta: 10000, rmsEps: 1e-5, tied: true, qkvBias: false, bosId: 1, eosIds: [2] },
  },
  ...{ recipe, history: trainingHistory(log), weightsBytes: 6_449_872, stories: 316 },
  corpus: { vocab: 64, trainTokens: 8000, lastTokens: 100, sources },
  heldOut: [{ source: 'tales', tokens: 90, bytes: 360, natsPerToken: 2.5, bitsPerByte: 1.25 }],
  exam: [{ kind: 'population', total: 8, right: 5 }],
  samples: [{ kind: 'chat', shows: 'markup', turns: ['Hi'], answers: ['| <b>*x*\n# y'] }],
  credits: corpusCredits(sources[0].files),
};

describe('the card', () => {
  it('says every figure it is given, and never a path of a machine', () => {
    const card = baseCard(facts);
    for (const figure of [
      ...['1,234', '5,678', '4,000 (0.50 of a pass)', '2.500', '1.250', '6.4 MB', '316', '5 of 8 (62.5 %)'],
    ])
      expect(card).toContain(figure);
    expect(card).toContain('osbooks-astronomy@63157f370b09c06a4cc12832384aaaf4de1ced3b');
    expect(card).toContain('> \\| \\<b\\>\\*x\\* \\# y');
    expect(card).not.toMatch(/undefined|NaN|\/(tmp|work|home|root)\/|Instruct-tuning|weight until/);
  });

  it('tells of 10 updates on a first corpus, 20 on the next and 10 on its last mixture, of 100 tokens each', () => {
    const firstCorpus = { report: { ...facts.corpus, trainTokens: 500 }, updates: 10 };
    const card = baseCard({ ...facts, firstCorpus, recipe: { ...recipe, lastSteps: 10 } });
    expect(card).toContain('1,000 (2.00 of a pass) of a first mixture of 500 tokens');
    expect(card).toContain('the training saw 2,000 (0.25 of a pass)');
    expect(card).toContain('then 1,000 (10.00 of a pass) of another mixture of 100');
    expect(card).toContain('weight until update 10');
  });

  it('prints what is left of an instruct-tuning of 40 updates, of which the weights after 30 were kept', () => {
    const folder = mkdtempSync(join(tmpdir(), 'instruct-record-'));
    const record = {
      recipe: { method: 'full', lr: 0.0005, batch: 16, accumulate: 2, seed: 7 },
      ...{ steps: 60, stepsDone: 40, keptStep: 30, examples: 1000, trainedTokens: 123_456 },
      losses: Array.from({ length: 40 }, (_, i) => (i < 10 ? 9 : i < 30 ? 2 : 5)),
      heldOut: [{ step: 0, loss: 3.25 }, { step: 30, loss: 1.5 }, { step: 40, loss: 1.75 }, { step: 41 }],
    };
    writeFileSync(join(folder, 'training.json'), JSON.stringify(record));
    const instruct = readInstructRecord(folder);
    expect(instruct).toMatchObject({
      updates: 40,
      keptUpdate: 30,
      batch: 32,
      finalLoss: 2,
      finalUpdates: 20,
    });
    expect(instruct.heldOut).toEqual([
      [0, 3.25],
      [30, 1.5],
      [40, 1.75],
    ]);
    const card = baseCard({ ...facts, instruct });
    for (const figure of ['1,000', '40 of about 32 answers each; the weights after 30 were kept', '123,456'])
      expect(card).toContain(figure);
    expect(card).toContain('2.000 nats per answer token (mean of 20 updates)');
    expect(card).toContain('3.250 nats per answer token before, 1.500 after');
    expect(card).toContain('(instruct-curve.png)');

    writeFileSync(join(folder, 'training.json'), JSON.stringify({ ...record, recipe: { method: 'sft' } }));
    expect(() => readInstructRecord(folder)).toThrow(/no record of npm run train -- full: recipe.method/);
    rmSync(folder, { recursive: true });
  });
});

describe('goals of the base model', () => {
  const loss = (source: string, bytes: number, bitsPerByte: number) => ({
    ...{ source, bytes, bitsPerByte, tokens: bytes / 4, natsPerToken: 2 },
  });

  it('counts 1.1 on 300 bytes and 2.1 on 100 as 1.35 and no talk, and 69.96 % not as 70 %', () => {
    const heldOut = [loss('textbooks', 100, 2.1), loss('recipes', 300, 1.1), loss('small-talk', 900, 9)];
    const [prose, exam] = goalRows({ heldOut, exam: [{ kind: 'area', total: 10_000, right: 6996 }] });
    expect(prose.join(' ')).toContain(
      '1.350 over 2 sources of prose together; the best is recipes with 1.100, the worst textbooks with 2.100',
    );
    expect(prose.at(-1)).toBe('reached');
    expect(exam.slice(1)).toEqual(['6,996 of 10,000 (69.9 %)', 'not reached']);
    const [worse, better] = goalRows({
      heldOut: [loss('textbooks', 100, 1.351)],
      exam: [{ kind: 'area', total: 10, right: 7 }],
    });
    expect([worse.at(-1), better.at(-1)]).toEqual(['not reached', 'reached']);
  });

  it('knows every source of prose by a name that the corpus has', () => {
    const names = corpusSources.map(({ name }) => name);
    for (const name of proseSources) expect(names).toContain(name);
  });
});

describe('parts of the card', () => {
  it('judges every token of a document of 1,300 once, with half a window or all of the document before it', () => {
    const document = Array.from({ length: 1300 }, (_, i) => i + 10);
    const windows = windowsOf(document, 512, 2);
    const judged = windows.flatMap(({ ids, scoredFrom }) => ids.slice(scoredFrom));
    expect(judged).toEqual(document);
    expect(windows[0].ids[0]).toBe(2);
    for (const { ids } of windows) expect(ids.length).toBe(513);
    expect(Math.min(...windows.slice(1).map(({ scoredFrom }) => scoredFrom))).toBeGreaterThanOrEqual(256);
    expect(windowsOf([7, 8, 2], 512, 2)).toEqual([{ ids: [2, 7, 8, 2], scoredFrom: 1 }]);
  });

  it('credits each file once, and no public-domain file', () => {
    const files = ['qa/medquad.ccby4.jsonl', 'qa/medquad.ccby4.jsonl', 'text/gutenberg-children.pd.jsonl'];
    expect(corpusCredits(files).map(({ licence }) => licence)).toEqual(['CC-BY-4.0']);
  });

  it('makes foreign text harmless on one line', () => {
    expect(plainText(' a\n|b| ')).toBe('a \\|b\\|');
  });
});
