// The loss curve of a training run as an SVG: every measured step pale, their moving mean bold, held-out losses beside
// it. Used by model cards and by the pictures that a running job sends. Draws what it is given; knows no files.
import { type ChartLine, lineChartSvg } from './line-chart-svg.ts';

type LossPoint = readonly [step: number, loss: number];

interface LossCurves {
  readonly title: string;
  /** Training loss by step, nats per token. */
  readonly training: readonly LossPoint[];
  /** Losses on examples never trained, by step. Left out = none measured. */
  readonly heldOut?: readonly LossPoint[];
  /** What the numbers are; left out = nats per token. */
  readonly yLabel?: string;
}

/** Below this many points a mean would hide more than it shows. */
const smoothFrom = 30;
/** More points than pixels show nothing more. */
const pointsMax = 600;

/** @throws RangeError when nothing was measured yet */
export function lossChart({
  title,
  training,
  heldOut = [],
  yLabel = 'loss (nats per token)',
}: LossCurves): string {
  const finite = training.filter(([, loss]) => Number.isFinite(loss));
  const lines: ChartLine[] =
    finite.length < smoothFrom
      ? [{ name: 'training', points: finite }]
      : [
          { name: 'each step', faint: true, points: thinned(finite) },
          {
            name: 'training (moving mean)',
            points: thinned(movingMean(finite, Math.ceil(finite.length / 40))),
          },
        ];
  if (heldOut.length > 0) lines.push({ name: 'held out', points: heldOut });
  return lineChartSvg({ title, xLabel: 'update', yLabel, lines });
}

/** Mean over up to `reach` points on either side: as many on both at the steep beginning, what there is at the end. */
function movingMean(points: readonly LossPoint[], reach: number): readonly LossPoint[] {
  const sums = [0];
  for (const [, loss] of points) sums.push(sums[sums.length - 1] + loss);
  return points.map(([step], i) => {
    const from = i - Math.min(reach, i);
    const to = Math.min(points.length, i + Math.min(reach, i) + 1);
    return [step, (sums[to] - sums[from]) / (to - from)] as const;
  });
}

/** Every n-th point, the last one among them. */
function thinned(points: readonly LossPoint[]): readonly LossPoint[] {
  const stride = Math.ceil(points.length / pointsMax);
  return points.filter((_, i) => (points.length - 1 - i) % stride === 0);
}
