// The figures of an evaluation in words: names of measures and models, an interval as text. Used by the evaluation
// command and by model cards. Pure.
import type { Interval } from './bootstrap.ts';
import type { Measure, ModelRole } from './compare-models.ts';

export const measureNames: Readonly<Record<Measure, string>> = {
  exact: 'right',
  overlap: 'overlap',
  loss: 'loss (nats per token)',
};

export const roleNames: Readonly<Record<ModelRole, string>> = {
  base: 'base alone',
  candidate: 'candidate',
  current: 'current',
};

/** "96.1 % [94.9, 97.0]", "0.412 [0.398, 0.431]"; differences with their sign, in points of percent. */
export function intervalWords(measure: Measure, { mean, low, high }: Interval, isDifference = false): string {
  const [scale, digits, unit] = measure === 'loss' ? [1, 3, ''] : [100, 1, isDifference ? ' points' : ' %'];
  const written = (value: number): string => {
    const text = (scale * value)
      .toFixed(digits)
      .replace(/^-(0(\.0+)?)$/, '$1')
      .replace('-', '−');
    return isDifference && Number(text.replace('−', '-')) > 0 ? `+${text}` : text;
  };
  return `${written(mean)}${unit} [${written(low)}, ${written(high)}]`;
}
