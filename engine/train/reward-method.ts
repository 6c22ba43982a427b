// Training of a reward model on preference pairs as a training method (Bradley-Terry). Used by train-run.ts. It knows no
// formula and no files. An update costs a forward pass and a gradient pass over both answers.
import type { Gradients } from './adamw.ts';
import { addGradients } from './gradient-sum.ts';
import { bothAnswers, type PreferenceExample } from './preference-data.ts';
import type { RewardLearner } from './reward-learner.ts';
import { rewardLoss } from './reward-loss.ts';
import { rowBatches } from './row-batches.ts';
import { answerLength, tokensOf } from './sequence-pass.ts';
import type { SftExample } from './sft-example.ts';
import type { HeldOutResult, TrainingMethod } from './training-method.ts';

interface RewardMethodOptions {
  readonly learner: RewardLearner;
  readonly pairs: readonly PreferenceExample[];
  readonly heldOut?: readonly PreferenceExample[];
  readonly margin: number;
  readonly centring: number;
}

const metricNames = ['rewards/chosen', 'rewards/rejected', 'rewards/margin', 'rewards/accuracy'] as const;

export async function rewardMethod({
  learner,
  pairs,
  heldOut = [],
  ...options
}: RewardMethodOptions): Promise<TrainingMethod> {
  const judge = (rewards: Float64Array) => {
    const count = rewards.length / 2;
    const losses = Array.from({ length: count }, (_, i) =>
      rewardLoss(rewards[2 * i], rewards[2 * i + 1], options),
    );
    const mean = (of: (i: number) => number): number => losses.reduce((sum, _, i) => sum + of(i), 0) / count;
    return {
      loss: mean((i) => losses[i].loss),
      derivatives: losses.flatMap(({ dChosen, dRejected }) => [dChosen / count, dRejected / count]),
      metrics: [
        mean((i) => rewards[2 * i]),
        mean((i) => rewards[2 * i + 1]),
        mean((i) => rewards[2 * i] - rewards[2 * i + 1]),
        mean((i) => (rewards[2 * i] > rewards[2 * i + 1] ? 1 : 0)),
      ],
    };
  };
  const measure = async (): Promise<HeldOutResult> => {
    const { loss, metrics } = judge(await rewardsOf(learner, bothAnswers(heldOut)));
    const named = Object.fromEntries(metricNames.map((name, i) => [name, metrics[i]]));
    return { loss, metrics: named, acceptable: true };
  };
  return {
    ids: pairs.map(({ id }) => id),
    metricNames,
    answerTokens: bothAnswers(pairs).reduce((sum, each) => sum + answerLength(each), 0),
    identity: JSON.stringify([pairs, heldOut]),
    update: async (items, step) => {
      const chosen = items.map((item) => pairs[item]);
      const sequences = bothAnswers(chosen);
      const rewards = await rewardsOf(learner, sequences, step);
      const { loss, derivatives, metrics } = judge(rewards);
      let gradients: Gradients | undefined;
      for (const [run, batch] of rowBatches(sequences).entries()) {
        const part = await learner.differentiate(batch, (index) => derivatives[index], { step, run });
        if (gradients) addGradients(gradients, part.gradients);
        else gradients = part.gradients;
      }
      if (gradients === undefined) throw new Error('bug: an update without sequences');
      const isBroken = (i: number): boolean => !Number.isFinite(rewards[2 * i] + rewards[2 * i + 1]);
      const broken = chosen.filter((_, i) => isBroken(i)).map(({ id }) => id);
      return { loss, gradients, tokens: 2 * tokensOf(sequences), metrics, broken };
    },
    heldOut: heldOut.length === 0 ? undefined : { before: await measure(), measure },
  };
}

/** The reward of each sequence. @param step of the update, where dropout belongs to it */
export async function rewardsOf(
  learner: RewardLearner,
  sequences: readonly SftExample[],
  step?: number,
): Promise<Float64Array> {
  const rewards = new Float64Array(sequences.length);
  for (const [run, batch] of rowBatches(sequences).entries()) {
    const values = await learner.score(batch, step === undefined ? undefined : { step, run });
    batch.members.forEach((index, row) => {
      rewards[index] = values[row];
    });
  }
  return rewards;
}
