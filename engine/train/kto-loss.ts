// The loss of thumbs as a pure function of log-probabilities: KTO (arxiv.org/abs/2402.01306), after its authors' and
// TRL's form. Used by kto-method.ts. It knows no graph and no data. Log-probabilities are natural, summed over the
// answer's tokens; a log-ratio is policy minus reference. The reference point z0 carries no gradient.
import { sigmoid } from './preference-loss.ts';

interface KtoWeights {
  readonly desirable: number;
  readonly undesirable: number;
}

interface KtoLoss {
  readonly loss: number;
  /** dLoss / d log p(answer). */
  readonly dLogp: number;
  /** beta * log-ratio. */
  readonly reward: number;
}

/**
 * The reference point: how far the policy has moved from the reference on answers to other questions, never below 0.
 *
 * @param logRatios of mismatched answers, of the same update; none gives 0
 */
export function ktoReferencePoint(logRatios: readonly number[]): number {
  if (logRatios.length === 0) return 0;
  return Math.max(0, logRatios.reduce((sum, ratio) => sum + ratio, 0) / logRatios.length);
}

/** weight * (1 - v), v = sigmoid(beta (log-ratio - z0)) of a good answer, sigmoid(beta (z0 - log-ratio)) of a bad one. */
export function ktoLoss(
  logRatio: number,
  good: boolean,
  options: { readonly beta: number; readonly referencePoint: number; readonly weights: KtoWeights },
): KtoLoss {
  const { beta, referencePoint, weights } = options;
  const sign = good ? 1 : -1;
  const weight = good ? weights.desirable : weights.undesirable;
  const value = sigmoid(sign * beta * (logRatio - referencePoint));
  const rest = sigmoid(-sign * beta * (logRatio - referencePoint)); // 1 - value, exact where value is near 1
  return { loss: weight * rest, dLogp: -sign * weight * beta * value * rest, reward: beta * logRatio };
}

/** The range of (desirable weight * good answers) / (undesirable weight * bad answers) that the paper advises. */
const balanceRange = [1, 4 / 3] as const;

/**
 * Weights that bring the balance of good and bad answers to the nearest end of 1 .. 1.33, by raising the scarcer
 * side; the other stays 1. With one kind only there is nothing to balance.
 */
export function ktoBalance(good: number, bad: number): KtoWeights {
  if (good === 0 || bad === 0) return { desirable: 1, undesirable: 1 };
  const balance = good / bad;
  const [least, most] = balanceRange;
  if (balance < least) return { desirable: (least * bad) / good, undesirable: 1 };
  if (balance > most) return { desirable: 1, undesirable: good / (most * bad) };
  return { desirable: 1, undesirable: 1 };
}
