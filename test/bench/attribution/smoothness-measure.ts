// Is the training smooth enough for derivatives to mean anything? Three trainings with the weights of some statements at 1,
// 1 + h and 1 + 2h: where the answers' losses go on in the direction in which they began, influence can be true
// (metasmoothness, arxiv.org/abs/2503.13751, section 3). Listed by the attribution bench.
import { createLeaveOutTrainer } from '../../../engine/attribution/audit/leave-out-trainer.ts';
import { correlation } from '../../../engine/attribution/audit/rank-correlation.ts';
import { seededRandom } from '../../../engine/train/training-random.ts';
import type { FigureKind } from '../bench-figure.ts';
import type { AttributionMeasure } from './attribution-bench-context.ts';
import { subjectRecipe } from './leave-out-subject.ts';

const kind = {
  name: 'metasmoothness',
  measure: 'losses’ changes from weights 1 to 1 + h and from 1 + h to 1 + 2h: correlation over the answers',
  unit: '',
  goal: { atLeast: 0.8 },
} as const satisfies FigureKind;

/** Half of the statements, at random, weigh so much more. */
const h = 0.1;

export const smoothnessMeasure: AttributionMeasure = {
  figures: [kind],
  run: async (bench) => {
    const { facts, modelDir, seed } = await bench.subject();
    const random = seededRandom(51);
    const more = facts.statements.map(() => Number(random() < 0.5));
    const trainer = createLeaveOutTrainer({
      modelDir,
      examples: facts.statements,
      recipe: subjectRecipe(facts.statements.length),
      seed,
    });
    try {
      const losses: Float64Array[] = [];
      for (const times of [0, 1, 2]) {
        await trainer.train(more.map((one) => 1 + times * h * one));
        losses.push(await trainer.losses(facts.queries));
      }
      const change = (step: number): Float64Array =>
        losses[step + 1].map((loss, i) => loss - losses[step][i]);
      const value = correlation(change(0), change(1));
      return { [kind.name]: value === null ? { missing: 'no loss changed' } : { value, details: { h } } };
    } finally {
      await trainer.release();
    }
  },
};
