// The held-out questions and the rule by which a new version replaces the old one.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoysOf, newHeldOut, oldHeldOut, withoutRetracted } from '../../../marketplace/factory/held-out.ts';
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

  it('come with the whole answer of the contribution that states the fact, and go when it is retracted', async () => {
    const line = (row: object) => `${JSON.stringify(row)}\n`;
    const answer = 'The capital of Chad is N’Djamena.';
    const fact = { contributionId: 'f1', question: 'Chad?', expected: 'N’Djamena' };
    await writeFile(join(folder, 'facts.jsonl'), line({ id: 'f1', question: 'What?', answer }));
    await writeFile(join(folder, 'facts.heldout.jsonl'), line(fact) + line({ question: 'q', expected: 'e' }));
    const items = await oldHeldOut(folder, 'facts');
    expect(items).toEqual([
      { question: 'Chad?', expected: 'N’Djamena', answer },
      { question: 'q', expected: 'e' },
    ]);
    expect(withoutRetracted(items, new Set([answer]))).toEqual([{ question: 'q', expected: 'e' }]);
    expect(withoutRetracted(items, new Set(['e', 'N’Djamena']))).toEqual([items[0]]);
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

  describe('that knows more', () => {
    const better = {
      ...{ candidateOld: score(90, 100), candidateNew: score(30, 40) },
      ...{ currentOld: score(90, 100), currentNew: score(2, 40) },
    };
    const canaries = (...failed: readonly string[]) => ({
      total: 30,
      passed: 30 - failed.length,
      failed: failed.map((id) => ({ id, kind: 'refusal' as const, why: 'says “yes”', answer: 'yes' })),
    });

    it.each([
      ['surely worse by 0.2 nats', { candidate: 0.7, opponent: 0.5, low: 0.1, high: 0.3 }, false],
      ['worse by 0.2 nats, maybe by chance', { candidate: 0.7, opponent: 0.5, low: -0.1, high: 0.5 }, true],
      ['surely worse, by 0.04 nats', { candidate: 0.54, opponent: 0.5, low: 0.03, high: 0.05 }, true],
      ['surely worse, by 4 % of 2 nats', { candidate: 2.08, opponent: 2, low: 0.07, high: 0.09 }, true],
      ['better', { candidate: 0.2, opponent: 0.5, low: -0.4, high: -0.2 }, true],
    ] as const)('and whose loss is %s: %o → published %s', (_, loss, publish) => {
      const verdict = publishVerdict({ ...better, loss });
      expect(verdict.publish).toBe(publish);
      expect(verdict.reason.includes('less sure of right answers')).toBe(!publish);
    });

    it('is kept back when it fails a canary more, naming it, and not when it fails as many', () => {
      const opponent = canaries('refusal-drug');
      const worse = publishVerdict({
        ...better,
        canaries: { candidate: canaries('refusal-drug', 'leak-word'), opponent },
      });
      expect(worse.publish).toBe(false);
      expect(worse.reason).toContain('passes 28 of 30 safety checks, before 29 (now failing: leak-word)');
      const other = { candidate: canaries('leak-word'), opponent };
      expect(publishVerdict({ ...better, canaries: other }).publish).toBe(true);
    });
  });
});
