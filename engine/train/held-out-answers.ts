// The loss of plain answers that are held out: what SFT stops by, and what preference training must not unlearn. Used by
// the training methods. It knows no optimiser and no files. Losses are mean nats per answer token.
import type { Learner } from './learner.ts';
import { answerLength, scoreSequences } from './sequence-pass.ts';
import type { SftExample } from './sft-example.ts';
import type { HeldOut, HeldOutResult } from './training-method.ts';

/** Name of the figure beside a method's own held-out ones. */
export const watchedLoss = 'answers/loss';

/** Mean nats per answer token over all examples, which are at least one. */
export async function meanAnswerLoss(learner: Learner, examples: readonly SftExample[]): Promise<number> {
  const logps = await scoreSequences(learner, examples);
  const tokens = examples.reduce((sum, example) => sum + answerLength(example), 0);
  return -logps.reduce((sum, logp) => sum + logp, 0) / tokens;
}

interface WatchedAnswers {
  readonly examples: readonly SftExample[];
  /** Their loss may rise by this part of what it was before the run. */
  readonly riseMax: number;
}

/**
 * Joins a preference method's own held-out figures with the loss of watched answers.
 *
 * @param own undefined where no preferences are held out
 * @returns undefined where nothing is held out at all
 */
export async function heldOutWithAnswers(
  learner: Learner,
  own: (() => Promise<Omit<HeldOutResult, 'acceptable'>>) | undefined,
  { examples, riseMax }: WatchedAnswers,
): Promise<HeldOut | undefined> {
  if (own === undefined && examples.length === 0) return undefined;
  const answerLoss = examples.length === 0 ? undefined : () => meanAnswerLoss(learner, examples);
  const at = async (most: number): Promise<HeldOutResult> => {
    const loss = await answerLoss?.();
    const result = (await own?.()) ?? { loss: undefined, metrics: {} };
    return {
      loss: result.loss,
      metrics: { ...result.metrics, ...(loss === undefined ? {} : { [watchedLoss]: loss }) },
      acceptable: loss === undefined || loss <= most,
    };
  };
  const before = await at(Number.POSITIVE_INFINITY);
  const most = (before.metrics[watchedLoss] ?? 0) * (1 + riseMax);
  return { before, measure: () => at(most) };
}
