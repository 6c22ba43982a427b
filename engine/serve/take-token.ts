// The next token of an answer, from the results of a step. Used by scheduler.ts. It knows no rows and no queue.
import type { StepLogits } from './batch-session.ts';
import type { AnswerJob } from './serve-job.ts';
import type { DoneReason, TokenEvent } from './serve-protocol.ts';
import { logSumExp, tokenLikelihood } from './token-likelihood.ts';
import type { RowLogits } from './token-sampler.ts';

interface TakenToken {
  /** A stop token is not told. */
  readonly event?: TokenEvent;
  /** Why the answer ends with it, if it does. */
  readonly reason?: DoneReason;
}

/** @param index of the job's results. @throws EngineError `logits_not_finite` */
export function takeToken(
  job: AnswerJob,
  step: StepLogits,
  index: number,
  contextTokens: number,
): TakenToken {
  const { maxTokens, logprobs, promptIds } = job.request;
  const row = rowLogits(step, index);
  const id = job.sample(row);
  if (job.stopIds.has(id)) return { reason: 'stop' };
  job.lastId = id;
  job.generated += 1;
  const event: TokenEvent =
    logprobs === undefined
      ? { type: 'token', id }
      : { type: 'token', id, likelihood: tokenLikelihood(row, id, logprobs) };
  const full = promptIds.length + job.generated >= contextTokens;
  return full || job.generated >= maxTokens ? { event, reason: 'length' } : { event };
}

/** -log p of each of `ids`, by the results of the tokens before them. @throws EngineError `logits_not_finite` */
export function negativeLogLikelihoods(step: StepLogits, ids: readonly number[]): readonly number[] {
  return ids.map((id, index) => {
    const logits = step.logits(index);
    return logSumExp(logits) - logits[id];
  });
}

function rowLogits(step: StepLogits, index: number): RowLogits {
  return {
    logits: () => step.logits(index),
    topIds: () => step.topIds(index),
    topProbabilities: () => step.topProbabilities(index),
  };
}
