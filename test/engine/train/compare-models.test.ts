// Base, candidate and current version compared: what is measured, what is left out, and the losses against the
// training graph on the tiny model.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAdaptedModel, loadBaseModel } from '../../../engine/attribution/adapted-model.ts';
import { createGradientModel } from '../../../engine/attribution/gradient-model.ts';
import type { Engine, EvalReport } from '../../../engine/engine.ts';
import { createLocalEngine } from '../../../engine/serve/local-engine.ts';
import { wordOverlap } from '../../../engine/train/answer-match.ts';
import { compareModels } from '../../../engine/train/compare-models.ts';
import { examples, makeTinyVersion, type TinyVersion } from '../attribution/tiny-version.ts';

describe('the overlap of two texts', () => {
  it.each([
    ['the lari', 'The lari!', 1],
    ['The currency of Georgia is the lari.', 'the lari', 4 / 9],
    ['lari lari lari', 'lari', 0.5],
    ['euro', 'lari', 0],
    ['', 'lari', 0],
    ['…', '?', 1],
  ])('%j and %j is %d', (answer, reference, expected) => {
    expect(wordOverlap(answer, reference)).toBeCloseTo(expected, 12);
    expect(wordOverlap(reference, answer)).toBeCloseTo(expected, 12);
  });
});

const report = (losses: readonly (number | undefined)[], correct: (index: number) => boolean): EvalReport => {
  const answers = losses.map((loss, index) => ({
    ...{ question: `q${index}`, expected: 'x', answer: 'x', correct: correct(index), overlap: 0.5 },
    ...(loss === undefined ? {} : { loss }),
  }));
  return { total: answers.length, correct: answers.filter((answer) => answer.correct).length, answers };
};

describe('a comparison', () => {
  it('says how far the candidate is from base and current, on the same questions', () => {
    const base = report([3, 3, 3, 3], () => false);
    const candidate = report([1, 1, 1, 1], () => true);
    const current = report([2, 2, 2, 2], (index) => index < 2);
    const { items, models, differences } = compareModels({ base, candidate, current });
    expect(items).toBe(4);
    expect(models.base?.loss?.mean).toBe(3);
    expect(models.current?.exact?.mean).toBe(0.5);
    expect(differences.base?.exact).toEqual({ mean: 1, low: 1, high: 1 });
    expect(differences.base?.loss).toEqual({ mean: -2, low: -2, high: -2 });
    expect(differences.current?.exact?.mean).toBe(0.5);
  });

  it('leaves out what was not measured of every answer, and models that were not asked', () => {
    const partly = report([1, undefined], () => true);
    const { models, differences } = compareModels({ base: partly, candidate: report([1, 1], () => true) });
    expect(models.base?.loss).toBeUndefined();
    expect(differences.base?.loss).toBeUndefined();
    expect(differences.base?.exact?.mean).toBe(0);
    expect(Object.keys(models)).toEqual(['base', 'candidate']);
    expect(compareModels({}).items).toBe(0);
  });

  it('refuses reports of different questions', () => {
    const one = report([1], () => true);
    expect(() => compareModels({ base: one, candidate: report([1, 1], () => true) })).toThrow(RangeError);
  });
});

describe('the loss of a wanted answer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loss-'));
  let version: TinyVersion;
  let engine: Engine;
  beforeAll(async () => {
    version = await makeTinyVersion(folder);
    engine = await createLocalEngine({ baseDir: version.modelDir, threads: 1, weights: 'f32' });
  });
  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('as served is that of the training graph to 1e-4, with the adapter and without', async () => {
    const items = examples.slice(0, 6).map(({ question, answer }) => ({
      ...{ question, answer },
      expected: answer.replace(/It is |\./g, ''),
    }));
    const base = loadBaseModel(version.modelDir);
    const { gradientModel } = loadAdaptedModel(base, version.adapter);
    const model = createGradientModel({ ...gradientModel, strength: 1 });
    const done: string[] = [];
    const job = { items, withLoss: true };
    const adapted = await engine.evaluate({ ...job, adapter: version.adapter }, (n, of) =>
      done.push(`${n}/${of}`),
    );
    const bare = await engine.evaluate(job);
    for (const [i, { question, answer }] of items.entries()) {
      const example = base.tokenise([{ role: 'user', content: question }], answer);
      if (example === undefined) throw new Error('bug: empty answer');
      expect(adapted.answers[i].loss).toBeCloseTo(await model.answerNll(example, 'adapted'), 4);
      expect(bare.answers[i].loss).toBeCloseTo(await model.answerNll(example, 'base'), 4);
    }
    await model.release();
    expect(done.at(-1)).toBe('12/12');
    const { differences } = compareModels({ base: bare, candidate: adapted });
    expect(differences.base?.loss?.high).toBeLessThan(0); // it was trained on them
    expect(adapted.answers[0].overlap).toBe(1);
  });

  it('is not computed where nobody asks for it, and has none for an empty answer', async () => {
    const items = [{ question: examples[0].question, expected: 'red' }];
    expect((await engine.evaluate({ items })).answers[0].loss).toBeUndefined();
    const empty = [{ question: 'q', expected: ' ' }];
    await expect(engine.evaluate({ items: empty, withLoss: true })).rejects.toMatchObject({
      code: 'answer_empty',
    });
  });
});
