// Axes of charts: round ticks and the place of a value, linear or logarithmic. Used by line-chart-svg.ts. Numbers only.

export type ChartScale = 'linear' | 'log';

export interface ChartAxis {
  readonly ticks: readonly number[];
  /** Where a value stands, in pixels, to a tenth. */
  place(value: number): number;
  /** Whether the axis has a place for it: finite, and above 0 on a logarithmic axis. */
  holds(value: number): boolean;
}

interface AxisWish {
  readonly scale: ChartScale;
  /** About so many ticks. */
  readonly count: number;
  /** Pixels of the axis' low and high end. */
  readonly from: number;
  readonly to: number;
  /** True: the axis ends at the values' ends and ticks stand within; false: it is widened to the next round number. */
  readonly tight?: boolean;
  /** Steps, counts: no tick between whole numbers. */
  readonly whole?: boolean;
}

/** @param values at least one that the axis can hold */
export function chartAxis(
  values: readonly number[],
  { scale, count, from, to, tight, whole }: AxisWish,
): ChartAxis {
  const holds = (value: number): boolean => Number.isFinite(value) && (scale === 'linear' || value > 0);
  const held = values.filter(holds);
  const low = held.reduce((a, b) => Math.min(a, b));
  const high = held.reduce((a, b) => Math.max(a, b));
  const wide = scale === 'log' ? logTicks(low, high) : niceTicks(low, high, count);
  const [first, last] = tight && high > low ? [low, high] : [wide[0], wide[wide.length - 1]];
  const bend = scale === 'log' ? Math.log10 : (value: number): number => value;
  const span = bend(last) - bend(first);
  return {
    ticks: wide.filter((tick) => tick >= first && tick <= last && (!whole || Number.isInteger(tick))),
    holds,
    place: (value) => Math.round((from + ((bend(value) - bend(first)) / span) * (to - from)) * 10) / 10,
  };
}

/** Round numbers (1, 2 or 5 times a power of ten apart) that enclose low..high, about `count` of them. */
export function niceTicks(low: number, high: number, count: number): readonly number[] {
  const raw = (high - low || Math.abs(high) || 1) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: Math.max(2, last - first + 1) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** 1, 2 and 5 times powers of ten that enclose low..high; powers of ten alone over more than four decades. */
function logTicks(low: number, high: number): readonly number[] {
  const wide = high / low > 1e4;
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high)) + 1;
  const all: number[] = [];
  for (let power = first; power <= last; power++)
    for (const factor of wide ? [1] : [1, 2, 5]) all.push(Number((factor * 10 ** power).toPrecision(6)));
  const from = all.findLastIndex((tick) => tick <= low);
  const to = all.findIndex((tick) => tick >= high);
  return all.slice(Math.max(0, from), Math.max(to, from + 1) + 1);
}
