// Losses of preference pairs as pure functions of log-probabilities: DPO with label smoothing, ORPO, SimPO. Used by
// pair-method.ts. Each gives the loss of one pair and its derivative by the log-probability of either answer, so the
// graph's token weights alone carry the gradient; no graph knows these formulas. Log-probabilities are natural and
// summed over the answer's tokens. Invariant: finite, and its derivative too, for every finite input.

/** The log-probabilities of both answers of a pair. */
export interface PairLogps {
  readonly chosen: number;
  readonly rejected: number;
}

/** Tokens of both answers, at least 1 each. */
export interface PairLengths {
  readonly chosen: number;
  readonly rejected: number;
}

export interface PairLoss {
  readonly loss: number;
  /** dLoss / d log p(chosen). */
  readonly dChosen: number;
  /** dLoss / d log p(rejected). */
  readonly dRejected: number;
  /** What the loss compares: beta * log-ratio (DPO), log odds (ORPO), beta * mean log p (SimPO). */
  readonly rewardChosen: number;
  readonly rewardRejected: number;
}

/** 1 / (1 + e^-x), without overflow. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** log sigmoid(x), without overflow and without losing small values. */
export function logSigmoid(x: number): number {
  return x >= 0 ? -Math.log1p(Math.exp(-x)) : x - Math.log1p(Math.exp(x));
}

/**
 * Direct preference optimisation (arxiv.org/abs/2305.18290) with h = beta * (log-ratio of chosen - log-ratio of
 * rejected), L = -log sigmoid(h). Where a part `smoothing` of the votes is believed to be wrong, the unbiased form of
 * robust DPO (arxiv.org/abs/2403.00409): ((1 - e) L(h) - e L(-h)) / (1 - 2e).
 *
 * @param smoothing e, 0 <= e < 0.5
 */
export function dpoLoss(
  policy: PairLogps,
  reference: PairLogps,
  { beta, smoothing }: { readonly beta: number; readonly smoothing: number },
): PairLoss {
  const rewardChosen = beta * (policy.chosen - reference.chosen);
  const rewardRejected = beta * (policy.rejected - reference.rejected);
  const h = rewardChosen - rewardRejected;
  const share = 1 - 2 * smoothing;
  const loss = (-(1 - smoothing) * logSigmoid(h) + smoothing * logSigmoid(-h)) / share;
  const dh = (-(1 - smoothing) * sigmoid(-h) - smoothing * sigmoid(h)) / share;
  return { loss, dChosen: beta * dh, dRejected: -beta * dh, rewardChosen, rewardRejected };
}

/** The mean probability of a token is taken as at most 1 - 1e-6: the odds of a certain answer are finite. */
const meanLogpMax = -1e-6;

/**
 * Odds-ratio preference optimisation (arxiv.org/abs/2403.07691), which needs no reference:
 * -mean log p(chosen) + lambda * -log sigmoid(log odds(chosen) - log odds(rejected)), odds = p / (1 - p) of the
 * geometric mean probability of a token.
 */
export function orpoLoss(
  policy: PairLogps,
  lengths: PairLengths,
  { lambda }: { readonly lambda: number },
): PairLoss {
  const chosen = logOdds(policy.chosen / lengths.chosen);
  const rejected = logOdds(policy.rejected / lengths.rejected);
  const h = chosen.value - rejected.value;
  const pull = lambda * sigmoid(-h);
  return {
    loss: -policy.chosen / lengths.chosen - lambda * logSigmoid(h),
    dChosen: (-1 - pull * chosen.slope) / lengths.chosen,
    dRejected: (pull * rejected.slope) / lengths.rejected,
    rewardChosen: chosen.value,
    rewardRejected: rejected.value,
  };
}

/** log(p / (1 - p)) of p = e^logp, and its derivative by logp, 1 / (1 - p). */
function logOdds(logp: number): { readonly value: number; readonly slope: number } {
  const l = Math.min(logp, meanLogpMax);
  const rest = -Math.expm1(l); // 1 - p
  return { value: l - Math.log(rest), slope: l === logp ? 1 / rest : 0 };
}

/**
 * Simple preference optimisation (arxiv.org/abs/2405.14734): -log sigmoid(beta * (mean log p(chosen) - mean log
 * p(rejected)) - gamma), no reference.
 *
 * @param gamma the margin that a pair has to reach
 */
export function simpoLoss(
  policy: PairLogps,
  lengths: PairLengths,
  { beta, gamma }: { readonly beta: number; readonly gamma: number },
): PairLoss {
  const rewardChosen = (beta * policy.chosen) / lengths.chosen;
  const rewardRejected = (beta * policy.rejected) / lengths.rejected;
  const h = rewardChosen - rewardRejected - gamma;
  const dh = -sigmoid(-h);
  return {
    loss: -logSigmoid(h),
    dChosen: (beta * dh) / lengths.chosen,
    dRejected: (-beta * dh) / lengths.rejected,
    rewardChosen,
    rewardRejected,
  };
}
