// Supervised fine-tuning as a training method: the mean nll of answer tokens, each example with a weight of its own. Used
// by train-run.ts for adapters and for whole models. It knows no optimiser and no texts.
// Invariant: over one update sum(weight * tokens) of the examples' shares is 1, so the loss is a mean per token.
import type { Learner } from './learner.ts';
import { answerLength } from './sequence-batches.ts';
import { differentiateSequences, scoreSequences, tokensOf } from './sequence-pass.ts';
import type { SftExample } from './sft-batches.ts';
import type { TrainingMethod } from './training-method.ts';

/** Examples with a weight each; 1 where left out. */
export interface WeightedExample extends SftExample {
  readonly weight?: number;
}

export function sftMethod(
  learner: Learner,
  examples: readonly WeightedExample[],
  heldOut: readonly SftExample[] = [],
): TrainingMethod {
  return {
    ids: examples.map(({ id }) => id),
    metricNames: [],
    answerTokens: examples.reduce((sum, example) => sum + answerLength(example), 0),
    identity: JSON.stringify([examples, heldOut]),
    update: async (items, step) => {
      const sequences = items.map((item) => examples[item]);
      const total = sequences.reduce((sum, each) => sum + (each.weight ?? 1) * answerLength(each), 0);
      const derivatives = sequences.map(({ weight = 1 }) => -weight / total);
      const { gradients, logps } = await differentiateSequences(learner, sequences, derivatives, step);
      return {
        loss: logps.reduce((sum, logp, i) => sum + derivatives[i] * logp, 0),
        gradients,
        tokens: tokensOf(sequences),
        metrics: [],
        broken: sequences.filter((_, i) => !Number.isFinite(logps[i])).map(({ id }) => id),
      };
    },
    heldOut:
      heldOut.length === 0
        ? undefined
        : async () => ({ loss: await meanAnswerLoss(learner, heldOut), metrics: {} }),
  };
}

/** Mean nats per answer token over all examples. */
async function meanAnswerLoss(learner: Learner, examples: readonly SftExample[]): Promise<number> {
  const logps = await scoreSequences(learner, examples);
  const tokens = examples.reduce((sum, example) => sum + answerLength(example), 0);
  return -logps.reduce((sum, logp) => sum + logp, 0) / tokens;
}

/** The same as a figure beside a method's own held-out ones; empty where no answers are watched. */
export async function watchedAnswers(
  learner: Learner,
  examples: readonly SftExample[],
): Promise<Readonly<Record<string, number>>> {
  return examples.length === 0 ? {} : { 'answers/loss': await meanAnswerLoss(learner, examples) };
}
