// The held-out questions and the rule by which a new version replaces the old one.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoysOf, newHeldOut, oldHeldOut } from '../../../marketplace/factory/held-out.ts';
import { publishVerdict } from '../../../marketplace/factory/publish-rule.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openmodels-heldout-'));
  const rows = Array.from({ length: 1_328 }, (_, index) => ({
    question: `question ${index}`,
    expected: 'yes',
  }));
  await writeFile(join(folder, 'atlas.heldout.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the held-out questions', () => {
  it('are an even sample of at most 200 that meets all four wordings of a fact', async () => {
    const items = await oldHeldOut(folder, 'atlas');
    expect(items.length).toBeLessThanOrEqual(200);
    expect(items.length).toBeGreaterThan(150);
    const wordings = new Set(items.map((item) => Number(item.question.split(' ')[1]) % 4));
    expect(wordings.size).toBe(4);
  });

  it('of a datanet without a file are none, and so are its decoys', async () => {
    expect(await oldHeldOut(folder, 'nowhere')).toEqual([]);
    expect(await decoysOf(folder, 'nowhere')).toEqual([]);
  });

  it('ask each new contribution in two wordings that are not its own', () => {
    const contribution = { question: 'What is the capital of Côte d’Ivoire?', answer: 'Yamoussoukro.' };
    expect(newHeldOut([contribution])).toEqual([
      { question: 'what is the capital of côte d’ivoire', expected: 'Yamoussoukro.' },
      { question: 'Please tell me: what is the capital of Côte d’Ivoire?', expected: 'Yamoussoukro.' },
    ]);
  });
});

describe('a candidate', () => {
  const score = (correct: number, total: number) => ({ correct, total });
  const verdict = (candidateOld: number, candidateNew: number, currentOld: number, currentNew: number) =>
    publishVerdict({
      candidateOld: score(candidateOld, 100),
      candidateNew: score(candidateNew, 40),
      currentOld: score(currentOld, 100),
      currentNew: score(currentNew, 40),
    });

  it.each([
    ['better on the new, equal on the old', [90, 30, 90, 2], true],
    ['better on the new, 2 % of the old lost', [88, 30, 90, 2], true],
    ['better on the new, more than 2 % of the old lost', [87, 40, 90, 2], false],
    ['equal', [90, 2, 90, 2], false],
    ['worse', [89, 2, 90, 2], false],
    ['better on the old alone', [91, 2, 90, 2], true],
  ] as const)('that is %s: published %s → %s', (_, [a, b, c, d], publish) => {
    const { publish: published, reason } = verdict(a, b, c, d);
    expect(published).toBe(publish);
    expect(reason).toContain(`${a + b} of 140 held-out questions right, before ${c + d}`);
  });
});
