// The one-pass answer gradient and the two losses, against the training graph they replace. Covered: any length, parts of
// an answer, same bytes whatever ran before, the way of large models. Not covered here: time (npm run bench -- attribution).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AdaptedModel,
  type BaseModel,
  loadAdaptedModel,
  loadBaseModel,
} from '../../../engine/attribution/adapted-model.ts';
import { type AnswerPass, createAnswerPass, hasFastPass } from '../../../engine/attribution/answer-pass.ts';
import { type AnswerScorer, createAnswerScorer } from '../../../engine/attribution/answer-scorer.ts';
import { createGradientModel, type TokenisedExample } from '../../../engine/attribution/gradient-model.ts';
import { adapterPart } from '../../../engine/attribution/shares.ts';
import { examples, makeTinyVersion } from './tiny-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'answer-pass-'));
const strength = 0.5;
let base: BaseModel;
let adapted: AdaptedModel;
let scorer: AnswerScorer;
let pass: AnswerPass;

beforeAll(async () => {
  const { modelDir, adapter } = await makeTinyVersion(folder);
  base = loadBaseModel(modelDir);
  adapted = loadAdaptedModel(base, adapter);
  scorer = await createAnswerScorer(base.config, base.weights, 1);
  pass = await createAnswerPass({ adapted, strength, threads: 1, baseScorer: async () => scorer });
});
afterAll(async () => {
  await pass.release();
  await scorer.release();
  rmSync(folder, { recursive: true, force: true });
});

const tokens = (question: string, answer: string): TokenisedExample => {
  const found = base.tokenise([{ role: 'user', content: question }], answer);
  if (found === undefined) throw new Error('an empty answer');
  return found;
};
const asked = (): readonly TokenisedExample[] => [
  tokens(examples[0].question, examples[0].answer),
  tokens(examples[3].question, 'It is green, and the nest of Mr C is brown.'),
  tokens('What?', 'red'),
];

describe('the pass of one answer', () => {
  it('gives the gradient of the training graph to 1e-5 of its length, for three lengths with one graph', async () => {
    expect(hasFastPass(base)).toBe(true);
    const slow = createGradientModel({ ...adapted.gradientModel, strength });
    expect(pass.width).toBe(slow.width);
    for (const example of asked()) {
      let expected: Float32Array = new Float32Array(0);
      await slow.gradients([example], (_, vector) => {
        expected = vector;
      });
      expect(distance(await pass.gradient(example), expected)).toBeLessThan(1e-5);
    }
    await slow.release();
  });

  it('gives the nats of answer tokens and alpha as the training graph does, to 8 bits', async () => {
    const slow = createGradientModel({ ...adapted.gradientModel, strength });
    for (const example of asked()) {
      const { base: without, adapted: withIt } = await pass.losses(example);
      expect(without).toHaveLength(example.ids.length - example.answerStart);
      expect(distance(without, await slow.answerTokenNll(example, 'base'))).toBeLessThan(0.02);
      expect(distance(withIt, await slow.answerTokenNll(example, 'adapted'))).toBeLessThan(0.05);
      const alpha = adapterPart(mean(without), mean(withIt));
      const [baseNll, adapterNll] = [
        await slow.answerNll(example, 'base'),
        await slow.answerNll(example, 'adapted'),
      ];
      expect(Math.abs(alpha - adapterPart(baseNll, adapterNll))).toBeLessThan(0.01);
    }
    await slow.release();
  });

  it('of a model that no one-pass graph fits takes the training graph: the same gradient to 1e-5, alpha to 0.01', async () => {
    const config = { ...base.config, headDim: 24 }; // looked at alone: weights and graph are the tiny model's
    const odd = { ...adapted, base: { ...base, config } };
    expect(hasFastPass(odd.base)).toBe(false);
    const slow = await createAnswerPass({
      adapted: odd,
      strength,
      threads: 1,
      baseScorer: async () => scorer,
    });
    expect(slow.width).toBe(pass.width);
    for (const example of asked()) {
      expect(distance(await slow.gradient(example), await pass.gradient(example))).toBeLessThan(1e-5);
      const [ours, fast] = [await slow.losses(example), await pass.losses(example)];
      expect(ours.base).toHaveLength(fast.base.length);
      const alpha = (losses: typeof fast) => adapterPart(mean(losses.base), mean(losses.adapted));
      expect(Math.abs(alpha(ours) - alpha(fast))).toBeLessThan(0.01);
    }
    await slow.release();
  });

  it('gives the same bytes again after other lengths', async () => {
    const [first, second, third] = asked();
    const before = await pass.gradient(first);
    for (const other of [second, third, second]) await pass.gradient(other);
    expect(await pass.gradient(first)).toEqual(before);
  });

  it('takes the gradient of a part: weighted by tokens, the parts sum to the whole', async () => {
    const whole = asked()[1];
    const middle = whole.answerStart + 4;
    const head = { ids: whole.ids.slice(0, middle), answerStart: whole.answerStart };
    const tail = { ids: whole.ids, answerStart: middle };
    const count = whole.ids.length - whole.answerStart;
    const [a, b] = [await pass.gradient(head), await pass.gradient(tail)];
    const sum = a.map((value, i) => (4 / count) * value + (1 - 4 / count) * b[i]);
    expect(distance(sum, await pass.gradient(whole))).toBeLessThan(1e-5);
  });

  it('refuses an answer of no tokens', async () => {
    const { ids } = asked()[0];
    await expect(pass.gradient({ ids, answerStart: ids.length })).rejects.toThrow('an answer of 0 tokens');
  });
});

const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** |a - b| / |b| */
function distance(a: Float32Array, b: Float32Array): number {
  expect(a).toHaveLength(b.length);
  let squared = 0;
  let length = 0;
  for (let i = 0; i < a.length; i++) {
    squared += (a[i] - b[i]) ** 2;
    length += b[i] ** 2;
  }
  expect(length).toBeGreaterThan(0);
  return Math.sqrt(squared / length);
}
