// Log-probabilities of tokens under the model itself (temperature 1, no bias), in nats. Used by the scheduler for
// answers with log-probabilities and for scoring texts. Knows no requests.
import type { RowLogits } from './token-sampler.ts';

/** Of a chosen token, and of the likeliest ones (pairs of id and log-probability, likeliest first). */
export interface TokenLikelihood {
  readonly logprob: number;
  readonly top: readonly (readonly [id: number, logprob: number])[];
}

/** @param count how many of the likeliest tokens, at most as many as the row's topIds */
export function tokenLikelihood(row: RowLogits, id: number, count: number): TokenLikelihood {
  const logits = row.logits();
  const normaliser = logSumExp(logits);
  const top = row.topIds().slice(0, count);
  return {
    logprob: logits[id] - normaliser,
    top: top.map((likely) => [likely, logits[likely] - normaliser] as const),
  };
}

/** log(sum(exp(logits))), in double precision. */
export function logSumExp(logits: Float32Array): number {
  let best = Number.NEGATIVE_INFINITY;
  for (const logit of logits) best = Math.max(best, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - best);
  return best + Math.log(sum);
}
