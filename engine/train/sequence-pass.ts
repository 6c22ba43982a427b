// Both passes of a method over many sequences: their log-probabilities, and the gradient of a loss whose derivative by
// each log-probability is known. Used by the training methods. It knows no loss and no optimiser.
// Invariant: both passes cut the sequences into the same runs, so dropout draws the same masks in both.
import type { Gradients } from './adamw.ts';
import { addGradients } from './gradient-sum.ts';
import type { Learner } from './learner.ts';
import { type PackedBatch, packedBatches } from './packed-batches.ts';
import type { SftExample } from './sft-example.ts';

/**
 * log p(answer) of each sequence, natural, summed over its tokens.
 *
 * @param step of the update, where dropout belongs to it
 */
export async function scoreSequences(
  learner: Learner,
  sequences: readonly SftExample[],
  step?: number,
  onDone?: (sequences: number) => void,
): Promise<Float64Array> {
  const logps = new Float64Array(sequences.length);
  let done = 0;
  for (const [run, batch] of packedBatches(sequences).entries()) {
    const key = step === undefined ? undefined : { step, run };
    collectLogps(batch, await learner.score(batch, key), logps);
    done += batch.members.length;
    onDone?.(done);
    await new Promise((resolve) => setImmediate(resolve)); // lets a signal handler run
  }
  return logps;
}

export interface SequenceGradient {
  readonly gradients: Gradients;
  readonly logps: Float64Array;
}

/**
 * Gradient of a loss by the trained weights.
 *
 * @param derivatives dLoss / d log p of each sequence
 * @throws Error when there is no sequence
 */
export async function differentiateSequences(
  learner: Learner,
  sequences: readonly SftExample[],
  derivatives: ArrayLike<number>,
  step: number,
): Promise<SequenceGradient> {
  const logps = new Float64Array(sequences.length);
  let sum: Gradients | undefined;
  for (const [run, batch] of packedBatches(sequences).entries()) {
    // The graph's loss is sum(weight * nll), and nll = -log p.
    const { gradients, nll } = await learner.differentiate(batch, (index) => -derivatives[index], {
      step,
      run,
    });
    collectLogps(batch, nll, logps);
    if (sum) addGradients(sum, gradients);
    else sum = gradients;
  }
  if (sum === undefined) throw new Error('bug: an update without sequences');
  return { gradients: sum, logps };
}

/** Writes log p(answer) of each of the batch's sequences to `into[index]`. */
function collectLogps(batch: PackedBatch, nll: Float32Array, into: Float64Array): void {
  for (const { index, start, count } of batch.members) {
    let sum = 0;
    for (let i = start; i < start + count; i++) sum -= nll[i];
    into[index] = sum;
  }
}

/** Number of tokens that are predicted: all after the prompt. */
export function answerLength(sequence: SftExample): number {
  return sequence.ids.length - sequence.answerStart;
}

/** Tokens of all sequences, prompts included. */
export function tokensOf(sequences: readonly SftExample[]): number {
  return sequences.reduce((sum, { ids }) => sum + ids.length, 0);
}
