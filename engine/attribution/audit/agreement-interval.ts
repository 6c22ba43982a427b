// How sure a mean of correlations is: 95 % percentile bootstrap over the queries and over the retrainings at once. Used by
// audit-figures.ts. Both, because all queries share the same few retrainings: drawing queries alone would call a figure from
// 6 retrainings as sure as one from 60. Numbers only; deterministic.
// A resample of the retrainings is how often each was drawn. Ranks within it follow from the order of all of them, so
// nothing is sorted again: 2,000 resamples of 60 queries and 60 retrainings take a second.
import { seededRandom } from '../../train/training-random.ts';

/** What was predicted of one query and what was measured, retraining by retraining. */
export interface Compared {
  readonly predicted: ArrayLike<number>;
  readonly measured: ArrayLike<number>;
}

interface AgreementOptions {
  /** Spearman's correlation instead of Pearson's. */
  readonly ranks: boolean;
  readonly rounds?: number;
}

const roundsUsual = 2000;

/** @param compared at least one query, all with the same retrainings; null where no resample varies */
export function agreementInterval(
  compared: readonly Compared[],
  { ranks, rounds = roundsUsual }: AgreementOptions,
): { readonly low: number; readonly high: number } | null {
  const runs = compared[0].measured.length;
  const views = compared.map(({ predicted, measured }) => [
    viewOf(predicted, ranks),
    viewOf(measured, ranks),
  ]);
  const random = seededRandom(0x5eed, runs, compared.length);
  const times = new Float64Array(runs);
  const [x, y] = [new Float64Array(runs), new Float64Array(runs)];
  const values = new Float64Array(compared.length);
  const means: number[] = [];
  for (let round = 0; round < rounds; round++) {
    times.fill(0);
    for (let i = 0; i < runs; i++) times[Math.floor(random() * runs)]++;
    for (const [query, [predicted, measured]] of views.entries())
      values[query] = weighted(predicted(times, x), measured(times, y), times);
    let [sum, count] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      const value = values[Math.floor(random() * values.length)];
      if (Number.isNaN(value)) continue;
      sum += value;
      count++;
    }
    if (count > 0) means.push(sum / count);
  }
  if (means.length === 0) return null;
  means.sort((a, b) => a - b);
  return {
    low: means[Math.floor(means.length * 0.025)],
    high: means[Math.ceil(means.length * 0.975) - 1],
  };
}

/** The numbers to correlate within a resample, written into `into`: the values themselves, or their ranks. */
type View = (times: Float64Array, into: Float64Array) => Float64Array;

function viewOf(list: ArrayLike<number>, ranks: boolean): View {
  const values = Float64Array.from(list);
  if (!ranks) return () => values;
  const order = Array.from(values.keys()).sort((i, j) => values[i] - values[j]);
  return (times, into) => {
    let below = 0;
    for (let from = 0; from < order.length; ) {
      let to = from;
      let equal = 0;
      while (to < order.length && values[order[to]] === values[order[from]]) equal += times[order[to++]];
      for (let at = from; at < to; at++) into[order[at]] = below + (equal + 1) / 2; // equal values share their mean rank
      below += equal;
      from = to;
    }
    return into;
  };
}

/** Pearson's correlation of values that stand so many times; 0 where x alone does not vary, NaN where y does not. */
function weighted(x: Float64Array, y: Float64Array, times: Float64Array): number {
  let [sumX, sumY] = [0, 0];
  for (let i = 0; i < times.length; i++) {
    sumX += times[i] * x[i];
    sumY += times[i] * y[i];
  }
  const [meanX, meanY] = [sumX / times.length, sumY / times.length]; // as many drawn as there are
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < times.length; i++) {
    const [dx, dy] = [x[i] - meanX, y[i] - meanY];
    xy += times[i] * dx * dy;
    xx += times[i] * dx * dx;
    yy += times[i] * dy * dy;
  }
  if (!(yy > 0)) return Number.NaN;
  return xx > 0 ? xy / Math.sqrt(xx * yy) : 0;
}
