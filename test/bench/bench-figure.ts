// One measured figure beside its goal, and how figures are shown: a table for people, a JSON line each for machines.
// Used by every bench. It measures nothing. Invariant: a figure without a value says why it is missing, and is then
// neither passed nor failed.

export type Goal = { readonly atLeast: number } | { readonly atMost: number };
/** '' = a plain number, such as a correlation. */
type Unit = '×' | '%' | 's' | 'ms' | 'gas' | 'GB/s' | 'GB' | 'tokens/s' | '';

export interface Measured {
  readonly value: number;
  /** Least and largest of the repetitions. */
  readonly low?: number;
  readonly high?: number;
  /** What the figure was made of. */
  readonly details?: Readonly<Record<string, number | string>>;
}

export interface FigureKind {
  readonly name: string;
  /** In words, for the table. */
  readonly measure: string;
  readonly unit: Unit;
  /** Left out = shown for information. */
  readonly goal?: Goal;
}

export type Figure = FigureKind & (Measured | { readonly missing: string });

export function verdictOf(figure: Figure): 'pass' | 'FAIL' | 'not measured' | '' {
  if ('missing' in figure) return 'not measured';
  const { goal, value } = figure;
  if (goal === undefined) return '';
  return ('atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost) ? 'pass' : 'FAIL';
}

export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.measure,
    goalText(figure),
    'missing' in figure ? '' : quantity(figure.value, figure.unit),
    'missing' in figure || figure.low === undefined || figure.high === undefined
      ? ''
      : `${digits(figure.low)} – ${digits(figure.high)}`,
    'missing' in figure ? `not measured: ${figure.missing}` : verdictOf(figure),
  ]);
  const all = [['measure', 'goal', 'measured', 'least – most', ''], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column].length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One line for machines. */
export function figureJson(bench: string, figure: Figure): string {
  return JSON.stringify({ bench, ...roundedFigure(figure), verdict: verdictOf(figure) || undefined });
}

/** Four significant digits are all that a measurement is good for. */
export function roundedFigure(figure: Figure): Figure {
  if ('missing' in figure) return figure;
  const short = (value: number): number => Number(value.toPrecision(4));
  const { value, low, high, ...rest } = figure;
  const range = low === undefined || high === undefined ? {} : { low: short(low), high: short(high) };
  return { ...rest, value: short(value), ...range };
}

/** Three significant digits; whole numbers above 100. */
export function digits(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toString() : Number(value.toPrecision(3)).toString();
}

/** A value with its unit. */
export function quantity(value: number, unit: Unit): string {
  return unit === '×' ? `${digits(value)}×` : `${digits(value)} ${unit}`.trimEnd();
}

/** `≥ 1.5×`; empty without a goal. */
export function goalText({ goal, unit }: FigureKind): string {
  if (goal === undefined) return '';
  return 'atLeast' in goal ? `≥ ${quantity(goal.atLeast, unit)}` : `≤ ${quantity(goal.atMost, unit)}`;
}
