// Supervised fine-tuning as a training method: the mean nll of answer tokens, each example with a weight of its own. Used
// by train-run.ts for adapters and for whole models. It knows no optimiser and no texts.
// Invariant: over one update sum(weight * tokens) of the examples' shares is 1, so the loss is a mean per token; where
// `countedAs` is given, the denominator stays as it was with those weights, whatever the weights are.
import { meanAnswerLoss } from './held-out-answers.ts';
import type { Learner } from './learner.ts';
import { answerLength, differentiateSequences, tokensOf } from './sequence-pass.ts';
import type { SftExample, WeightedExample } from './sft-example.ts';
import type { HeldOutResult, MethodUpdate, TrainingMethod } from './training-method.ts';

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
      const all = items.map((item) => examples[item]);
      const total = all.reduce((sum, each) => sum + countOf(each) * answerLength(each), 0);
      const sequences = all.filter(({ weight }) => weight !== 0);
      if (sequences.length === 0) return nothingLearnt(learner);
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

function countOf({ weight = 1, countedAs = weight }: WeightedExample): number {
  return countedAs;
}

/** An update whose examples are all left out: the optimiser's momentum alone moves the weights. */
function nothingLearnt({ trained }: Learner): MethodUpdate {
  const gradients = new Map([...trained].map(([name, { data }]) => [name, new Float32Array(data.length)]));
  return { loss: 0, gradients, tokens: 0, metrics: [], broken: [] };
}
