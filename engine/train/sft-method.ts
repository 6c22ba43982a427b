// Supervised fine-tuning as a training method: the mean nll of answer tokens, each example with a weight of its own. Used
// by train-run.ts for adapters and for whole models. It knows no optimiser and no texts.
// Invariant: over one update sum(weight * tokens) of the examples' shares is 1, so the loss is a mean per token.
import { meanAnswerLoss } from './held-out-answers.ts';
import type { Learner } from './learner.ts';
import { answerLength, differentiateSequences, tokensOf } from './sequence-pass.ts';
import type { SftExample } from './sft-example.ts';
import type { HeldOutResult, TrainingMethod } from './training-method.ts';

/** Examples with a weight each; 1 where left out. */
export interface WeightedExample extends SftExample {
  readonly weight?: number;
}

export async function sftMethod(
  learner: Learner,
  examples: readonly WeightedExample[],
  heldOutExamples: readonly SftExample[] = [],
): Promise<TrainingMethod> {
  const measure = async (): Promise<HeldOutResult> => ({
    loss: await meanAnswerLoss(learner, heldOutExamples),
    metrics: {},
    acceptable: true,
  });
  const heldOut = heldOutExamples.length === 0 ? undefined : { before: await measure(), measure };
  return {
    ids: examples.map(({ id }) => id),
    metricNames: [],
    answerTokens: examples.reduce((sum, example) => sum + answerLength(example), 0),
    identity: JSON.stringify([examples, heldOutExamples]),
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
    heldOut,
  };
}
