// Training on thumbs (KTO) as a training method. Used by train-run.ts. The reference point of an update is measured on
// mismatched answers: the questions of the update, each with the answer to another question, as the loss asks. Which answer
// is drawn once for the whole run from the seed, as TRL's trainer draws it when it prepares the data: the reference's
// log-probabilities of these are computed once, and the policy's anew in each update. It knows no optimiser and no texts.

import { heldOutWithAnswers } from './held-out-answers.ts';
import { ktoBalance, ktoLoss, ktoReferencePoint } from './kto-loss.ts';
import type { Learner } from './learner.ts';
import type { RatedExample } from './preference-data.ts';
import { answerLength, differentiateSequences, scoreSequences, tokensOf } from './sequence-pass.ts';
import type { SftExample } from './sft-example.ts';
import type { TrainingMethod } from './training-method.ts';
import { seededRandom, shuffledIndices } from './training-random.ts';

interface KtoMethodOptions {
  readonly learner: Learner;
  readonly ratings: readonly RatedExample[];
  readonly heldOut?: readonly RatedExample[];
  /** Their answers' loss is told beside the held-out thumbs'. */
  readonly heldOutAnswers?: readonly SftExample[];
  /** Their loss may rise by this part; the run ends with the weights before it rose more. */
  readonly answersRiseMax: number;
  readonly beta: number;
  /** 0 = chosen by the balance of good and bad answers. */
  readonly desirableWeight: number;
  readonly undesirableWeight: number;
  /** Mismatched sequences are cut to this. */
  readonly maxTokens: number;
  readonly seed: number;
  readonly onReference?: (done: number, total: number) => void;
}

const metricNames = [
  'rewards/chosen',
  'rewards/rejected',
  'rewards/margin',
  'logps/chosen',
  'logps/rejected',
  'kl',
] as const;

interface Judged {
  readonly loss: number;
  readonly derivatives: readonly number[];
  readonly metrics: readonly number[];
}

/** Computes the reference first. */
export async function ktoMethod(options: KtoMethodOptions): Promise<TrainingMethod> {
  const { learner, ratings, heldOut = [], heldOutAnswers = [], beta } = options;
  const good = ratings.filter((rating) => rating.good).length;
  const weights = chosenWeights(ktoBalance(good, ratings.length - good), options);
  const sets = [ratings, mismatched(ratings, options), heldOut, mismatched(heldOut, options)];
  const total = sets.reduce((sum, set) => sum + set.length, 0);
  const references: Float64Array[] = [];
  let before = 0;
  for (const set of sets) {
    const done = before;
    references.push(
      await scoreSequences(learner, set, undefined, (n) => options.onReference?.(done + n, total)),
    );
    before += set.length;
  }

  const judge = (
    rated: readonly RatedExample[],
    policy: Float64Array,
    reference: readonly number[],
    mismatchedRatios: readonly number[],
  ): Judged => {
    const referencePoint = ktoReferencePoint(mismatchedRatios);
    const losses = rated.map((each, i) =>
      ktoLoss(policy[i] - reference[i], each.good, { beta, referencePoint, weights }),
    );
    const mean = (values: readonly number[]): number =>
      values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
    const of = (kind: boolean, value: (i: number) => number): number =>
      mean(rated.flatMap((each, i) => (each.good === kind ? [value(i)] : [])));
    const chosen = of(true, (i) => losses[i].reward);
    const rejected = of(false, (i) => losses[i].reward);
    return {
      loss: mean(losses.map(({ loss }) => loss)),
      derivatives: losses.map(({ dLogp }) => dLogp / losses.length),
      metrics: [
        chosen,
        rejected,
        chosen - rejected,
        of(true, (i) => policy[i]),
        of(false, (i) => policy[i]),
        referencePoint,
      ],
    };
  };
  const ratios = async (
    sequences: readonly SftExample[],
    reference: readonly number[],
    step?: number,
  ): Promise<readonly number[]> =>
    Array.from(await scoreSequences(learner, sequences, step), (logp, i) => logp - reference[i]);

  const measureHeldOut = async () => {
    const mismatchedRatios = await ratios(sets[3], [...references[3]]);
    const policy = await scoreSequences(learner, heldOut);
    const { loss, metrics } = judge(heldOut, policy, [...references[2]], mismatchedRatios);
    const named = Object.fromEntries(metricNames.map((name, i) => [name, metrics[i]]));
    return { loss, metrics: named };
  };

  return {
    ids: ratings.map(({ id }) => id),
    metricNames,
    answerTokens: ratings.reduce((sum, each) => sum + answerLength(each), 0),
    identity: JSON.stringify([ratings, heldOut, heldOutAnswers]),
    update: async (items, step) => {
      const rated = items.map((item) => ratings[item]);
      const others = items.map((item) => sets[1][item]).filter((other) => other !== undefined);
      const otherReference = items.map((item) => references[1][item]);
      const mismatchedRatios = await ratios(others, otherReference); // no dropout: an estimate, not what learns
      const policy = await scoreSequences(learner, rated, step);
      const reference = items.map((item) => references[0][item]);
      const judged = judge(rated, policy, reference, mismatchedRatios);
      const { gradients } = await differentiateSequences(learner, rated, judged.derivatives, step);
      return {
        ...{ loss: judged.loss, metrics: judged.metrics, gradients },
        tokens: 2 * tokensOf(rated) + tokensOf(others),
        broken: rated.filter((_, i) => !Number.isFinite(policy[i] - reference[i])).map(({ id }) => id),
      };
    },
    heldOut: await heldOutWithAnswers(learner, heldOut.length === 0 ? undefined : measureHeldOut, {
      examples: heldOutAnswers,
      riseMax: options.answersRiseMax,
    }),
  };
}

/** The weights that are given; of two the one that is not given keeps the balance with the other. */
function chosenWeights(
  balance: ReturnType<typeof ktoBalance>,
  { desirableWeight, undesirableWeight }: Pick<KtoMethodOptions, 'desirableWeight' | 'undesirableWeight'>,
): ReturnType<typeof ktoBalance> {
  const ratio = balance.desirable / balance.undesirable;
  return {
    desirable: desirableWeight || (undesirableWeight ? undesirableWeight * ratio : balance.desirable),
    undesirable: undesirableWeight || (desirableWeight ? desirableWeight / ratio : balance.undesirable),
  };
}

/** Each question with the answer of the next one in a seeded order; nothing where there is only one. */
function mismatched(
  ratings: readonly RatedExample[],
  { seed, maxTokens }: Pick<KtoMethodOptions, 'seed' | 'maxTokens'>,
): readonly SftExample[] {
  if (ratings.length < 2) return [];
  const order = shuffledIndices(ratings.length, seededRandom(seed, 6));
  const partner = new Uint32Array(ratings.length);
  order.forEach((item, i) => {
    partner[item] = order[(i + 1) % order.length];
  });
  return ratings.map(({ id, ids, answerStart }, i) => {
    const other = ratings[partner[i]];
    const prompt = ids.slice(0, answerStart);
    return {
      id,
      ids: [...prompt, ...other.ids.slice(other.answerStart)].slice(0, Math.max(maxTokens, answerStart + 1)),
      answerStart,
    };
  });
}
