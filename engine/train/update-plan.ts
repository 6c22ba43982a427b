// Which items each update of a run takes, at which learning rate, and how many updates there are. Used by the training loop
// and by the leave-out retrainings of the audit, which must follow the very same plan. It knows no loss and no weights.
// Invariant: everything follows from the number of items and the recipe, so the order of data is the same in every run.
import { learningRateAt } from './lr-schedule.ts';
import type { LoopRecipe } from './train-recipe.ts';
import { epochOrder } from './training-random.ts';

export interface UpdatePlan {
  readonly steps: number;
  /** Indices of the items of update `step`, from 0: the epoch's order cut into equal parts. */
  readonly items: (step: number) => readonly number[];
  readonly learningRate: (step: number) => number;
}

type PlanRecipe = Pick<
  LoopRecipe,
  'batch' | 'accumulate' | 'epochs' | 'stepsMin' | 'seed' | 'warmupRatio' | 'lr' | 'lrFinalRatio'
>;

/** @param count of items, at least 1 */
export function updatePlan(count: number, recipe: PlanRecipe): UpdatePlan {
  const perUpdate = Math.min(count, recipe.batch * recipe.accumulate);
  const stepsPerEpoch = Math.ceil(count / perUpdate);
  const steps = Math.max(stepsPerEpoch * recipe.epochs, recipe.stepsMin);
  const warmupSteps = Math.round(steps * recipe.warmupRatio);
  return {
    steps,
    items: (step) => {
      const order = epochOrder(count, recipe.seed, Math.floor(step / stepsPerEpoch));
      const part = step % stepsPerEpoch;
      const from = Math.floor((part * count) / stepsPerEpoch);
      const to = Math.floor(((part + 1) * count) / stepsPerEpoch);
      return [...order.subarray(from, to)];
    },
    learningRate: (step) =>
      learningRateAt(step, { peak: recipe.lr, warmupSteps, steps, finalRatio: recipe.lrFinalRatio }),
  };
}
