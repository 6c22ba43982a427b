// The Bradley-Terry loss of a reward model as a pure function of two rewards. Used by reward-method.ts. It knows no
// graph and no data. Rewards are any real numbers; only their difference means something, which is why they are
// centred.
import { logSigmoid, sigmoid } from './preference-loss.ts';

interface RewardLoss {
  readonly loss: number;
  /** dLoss / d reward of the chosen answer. */
  readonly dChosen: number;
  readonly dRejected: number;
}

/**
 * -log sigmoid(chosen - rejected - margin) + centring * (chosen + rejected)^2 (arxiv.org/abs/2312.09244 for the second
 * term: it keeps the sum of both near 0).
 *
 * @param margin how much better the chosen answer has to be, 0 = only better
 */
export function rewardLoss(
  chosen: number,
  rejected: number,
  { margin, centring }: { readonly margin: number; readonly centring: number },
): RewardLoss {
  const h = chosen - rejected - margin;
  const sum = chosen + rejected;
  const dh = -sigmoid(-h);
  return {
    loss: -logSigmoid(h) + centring * sum * sum,
    dChosen: dh + 2 * centring * sum,
    dRejected: -dh + 2 * centring * sum,
  };
}
