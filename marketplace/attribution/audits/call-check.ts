// One paid answer, checked: the adapters of the audit were trained without this or that half of the contributors; how much
// of the answer's quality each lost is compared with what the paid shares had said it would. Used by check-call.ts and
// audit-view.ts. Pure numbers.
// Prediction: what the data did for the answer, L_base − L_adapter, is lost in the part that the paid shares give to those
// left out: L_adapter + (1 − kept) · (L_base − L_adapter), kept = Σ shares of the half / Σ shares.
import { bootstrapMean } from '../../../engine/train/bootstrap.ts';

export interface CallCheck {
  /** Mean nats per answer token without the adapter and with it. */
  readonly baseNll: number;
  readonly adapterNll: number;
  readonly subsets: readonly {
    /** Part of the paid shares that lies in what the subset was trained on. */
    readonly kept: number;
    readonly predictedNll: number;
    readonly measuredNll: number;
  }[];
  /** Spearman of predicted and measured over the subsets; null where one of them does not vary. */
  readonly rank: number | null;
  /** Mean distance of predicted and measured, as a part of L_base − L_adapter; null where the data did nothing. */
  readonly error: number | null;
}

export function checkOf(measured: {
  readonly baseNll: number;
  readonly adapterNll: number;
  readonly subsets: readonly { readonly kept: number; readonly nll: number }[];
}): CallCheck {
  const { baseNll, adapterNll } = measured;
  const gain = baseNll - adapterNll;
  const subsets = measured.subsets.map(({ kept, nll }) => ({
    kept,
    predictedNll: adapterNll + (1 - kept) * gain,
    measuredNll: nll,
  }));
  const distance = subsets.map((each) => Math.abs(each.predictedNll - each.measuredNll));
  return {
    ...{ baseNll, adapterNll, subsets },
    rank: spearman(
      subsets.map(({ predictedNll }) => predictedNll),
      subsets.map(({ measuredNll }) => measuredNll),
    ),
    error: gain > 0 && distance.length > 0 ? meanOf(distance) / gain : null,
  };
}

/** Spearman's rank correlation, equal values sharing their mean rank; null where either does not vary. */
function spearman(a: readonly number[], b: readonly number[]): number | null {
  const [x, y] = [ranks(a), ranks(b)];
  const [mx, my] = [meanOf(x), meanOf(y)];
  let [xy, xx, yy] = [0, 0, 0];
  for (const [i, value] of x.entries()) {
    xy += (value - mx) * (y[i] - my);
    xx += (value - mx) ** 2;
    yy += (y[i] - my) ** 2;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : null;
}

function ranks(values: readonly number[]): readonly number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export interface CheckedCalls {
  readonly calls: number;
  /** Mean rank correlation with its 95 % interval; null where no call has one. */
  readonly rank: { readonly value: number; readonly low: number; readonly high: number } | null;
  /** Mean error as a part of what the data did. */
  readonly error: number | null;
}

/** The figures of many checks. */
export function checkedCalls(checks: readonly Pick<CallCheck, 'rank' | 'error'>[]): CheckedCalls {
  const given = checks.flatMap(({ rank }) => rank ?? []);
  const errors = checks.flatMap(({ error }) => error ?? []);
  const { mean: value, low, high } = bootstrapMean(given);
  return {
    calls: checks.length,
    rank: given.length === 0 ? null : { value, low, high },
    error: errors.length === 0 ? null : meanOf(errors),
  };
}
