// Training on preference pairs (DPO, ORPO, SimPO) as a training method. Used by train-run.ts. It knows no formula: a
// loss function gives each pair's loss and derivatives from log-probabilities. The reference's log-probabilities are
// computed once, by the learner as it is before its first update: the adapter switched off, or the one it starts from.
// An update costs a forward pass and a gradient pass over both answers.
import { heldOutWithAnswers } from './held-out-answers.ts';
import type { Learner } from './learner.ts';
import { bothAnswers, type PreferenceExample } from './preference-data.ts';
import type { PairLengths, PairLogps, PairLoss } from './preference-loss.ts';
import { answerLength, differentiateSequences, scoreSequences, tokensOf } from './sequence-pass.ts';
import type { SftExample } from './sft-example.ts';
import type { TrainingMethod } from './training-method.ts';

interface PairMethodOptions {
  readonly learner: Learner;
  readonly pairs: readonly PreferenceExample[];
  readonly heldOut?: readonly PreferenceExample[];
  /** Their answers' loss is told beside the held-out pairs': preference training must not unlearn them. */
  readonly heldOutAnswers?: readonly SftExample[];
  /** Their loss may rise by this part; the run ends with the weights before it rose more. */
  readonly answersRiseMax: number;
  /** Whether the loss compares with a reference (DPO). */
  readonly needsReference: boolean;
  readonly lossOf: (policy: PairLogps, reference: PairLogps, lengths: PairLengths) => PairLoss;
  /** Weight of the mean nll of the chosen answer beside the loss, per token; 0 = none. */
  readonly sftWeight: number;
  readonly onReference?: (done: number, total: number) => void;
}

const metricNames = [
  'rewards/chosen',
  'rewards/rejected',
  'rewards/margin',
  'rewards/accuracy',
  'logps/chosen',
  'logps/rejected',
] as const;

/** Computes the reference first. */
export async function pairMethod(options: PairMethodOptions): Promise<TrainingMethod> {
  const { learner, pairs, heldOut = [], heldOutAnswers = [], sftWeight } = options;
  const total = 2 * (pairs.length + heldOut.length);
  const reference = async (of: readonly PreferenceExample[], before: number): Promise<Float64Array> =>
    options.needsReference
      ? scoreSequences(learner, bothAnswers(of), undefined, (done) =>
          options.onReference?.(before + done, total),
        )
      : new Float64Array(2 * of.length);
  const trainReference = await reference(pairs, 0);
  const heldOutReference = await reference(heldOut, 2 * pairs.length);

  const judge = (pair: PreferenceExample, policy: PairLogps, against: PairLogps): PairLoss => {
    const lengths = { chosen: answerLength(pair.chosen), rejected: answerLength(pair.rejected) };
    const judged = options.lossOf(policy, against, lengths);
    const perToken = sftWeight / lengths.chosen;
    return {
      ...judged,
      loss: judged.loss - perToken * policy.chosen,
      dChosen: judged.dChosen - perToken,
    };
  };

  const measureHeldOut = async () => {
    const logps = await scoreSequences(learner, bothAnswers(heldOut));
    const losses = heldOut.map((pair, i) => judge(pair, logpsOf(logps, i), logpsOf(heldOutReference, i)));
    const { loss, metrics } = summary(losses, logps);
    const named = Object.fromEntries(metricNames.map((name, i) => [name, metrics[i]]));
    return { loss, metrics: named };
  };

  return {
    ids: pairs.map(({ id }) => id),
    metricNames,
    answerTokens: bothAnswers(pairs).reduce((sum, each) => sum + answerLength(each), 0),
    identity: JSON.stringify([pairs, heldOut, heldOutAnswers]),
    update: async (items, step) => {
      const chosen = items.map((item) => pairs[item]);
      const sequences = bothAnswers(chosen);
      const logps = await scoreSequences(learner, sequences, step);
      const losses = chosen.map((pair, i) =>
        judge(pair, logpsOf(logps, i), logpsOf(trainReference, items[i])),
      );
      const derivatives = losses.flatMap(({ dChosen, dRejected }) => [
        dChosen / losses.length,
        dRejected / losses.length,
      ]);
      const broken = chosen.filter((_, i) => !Number.isFinite(losses[i].loss)).map(({ id }) => id);
      const { gradients } = await differentiateSequences(learner, sequences, derivatives, step);
      const { loss, metrics } = summary(losses, logps);
      return { loss, gradients, tokens: 2 * tokensOf(sequences), metrics, broken };
    },
    heldOut: await heldOutWithAnswers(learner, heldOut.length === 0 ? undefined : measureHeldOut, {
      examples: heldOutAnswers,
      riseMax: options.answersRiseMax,
    }),
  };
}

/** Pair i of log-probabilities that alternate: chosen, rejected. */
function logpsOf(logps: Float64Array, i: number): PairLogps {
  return { chosen: logps[2 * i], rejected: logps[2 * i + 1] };
}

/** Means over pairs, in the order of `metricNames`. */
function summary(
  losses: readonly PairLoss[],
  logps: Float64Array,
): { readonly loss: number; readonly metrics: readonly number[] } {
  const mean = (of: (loss: PairLoss, i: number) => number): number =>
    losses.reduce((sum, loss, i) => sum + of(loss, i), 0) / losses.length;
  return {
    loss: mean(({ loss }) => loss),
    metrics: [
      mean(({ rewardChosen }) => rewardChosen),
      mean(({ rewardRejected }) => rewardRejected),
      mean(({ rewardChosen, rewardRejected }) => rewardChosen - rewardRejected),
      mean(({ rewardChosen, rewardRejected }) => (rewardChosen > rewardRejected ? 1 : 0)),
      mean((_, i) => logps[2 * i]),
      mean((_, i) => logps[2 * i + 1]),
    ],
  };
}
