// The tables that the evaluation command prints. Pure: reports in, lines out.
import { bootstrapMean, type Interval } from './bootstrap.ts';
import type { CanaryReport } from './canaries.ts';
import { type ModelComparison, type ModelRole, measures, type ReportsByRole } from './compare-models.ts';
import type { HeldOutItem } from './eval-data.ts';
import { intervalWords, measureNames, roleNames } from './eval-words.ts';

const roles: readonly ModelRole[] = ['base', 'candidate', 'current'];
/** Names in the JSON line, as they have been from the beginning. */
const rowNames = { base: 'base', candidate: 'adapter', current: 'against' } as const;

const roleOf = { base: 'base', adapter: 'candidate', against: 'current' } as const;

interface EvalRow {
  readonly model: (typeof rowNames)[ModelRole];
  readonly questions: string;
  readonly total: number;
  readonly correct: number;
  /** 95 % bootstrap interval of the part that is right, over questions. */
  readonly low: number;
  readonly high: number;
}

/** Right answers of each model: of all questions, by phrasing and by kind, where the data tells them apart. */
export function evalRows(
  items: readonly HeldOutItem[],
  reports: ReportsByRole,
  rounds: number,
): readonly EvalRow[] {
  const kinds = [...new Set(items.flatMap(({ kind }) => kind ?? []))];
  const groups: readonly (readonly [string, (item: HeldOutItem) => boolean])[] = [
    ['all', () => true],
    ['seen phrasing', ({ seenTemplate }) => seenTemplate === true],
    ['unseen phrasing', ({ seenTemplate }) => seenTemplate === false],
    ...kinds.map((name) => [name, (item: HeldOutItem) => item.kind === name] as const),
  ];
  return roles.flatMap((role) => {
    const report = reports[role];
    if (report === undefined) return [];
    return groups.flatMap(([questions, keep]) => {
      const values = report.answers.flatMap(({ correct }, i) => (keep(items[i]) ? [Number(correct)] : []));
      if (values.length === 0) return [];
      const { low, high } = bootstrapMean(values, rounds);
      const correct = values.reduce((sum, value) => sum + value, 0);
      return [{ model: rowNames[role], questions, total: values.length, correct, low, high }];
    });
  });
}

/** Nothing where no group is smaller than the whole: the comparison tells the same. */
export function groupLines(rows: readonly EvalRow[]): readonly string[] {
  const whole = rows.find(({ questions }) => questions === 'all')?.total;
  if (rows.every(({ total }) => total === whole)) return [];
  const percent = (part: number): string => (100 * part).toFixed(1);
  return columns([
    ['model', 'questions', 'right', '%', '95 % interval'],
    ...rows.map(({ model, questions, correct, total, low, high }) => [
      ...[roleNames[roleOf[model]], questions, `${correct} of ${total}`, percent(correct / total)],
      `[${percent(low)}, ${percent(high)}]`,
    ]),
  ]);
}

/** Models and differences, a line each. */
export function comparisonLines({ items, rounds, models, differences }: ModelComparison): readonly string[] {
  const measured = measures.filter((measure) => roles.some((role) => models[role]?.[measure] !== undefined));
  const cells = (figures: Readonly<Partial<Record<string, Interval>>> | undefined, isDifference: boolean) =>
    measured.map((measure) => {
      const interval = figures?.[measure];
      return interval === undefined ? '' : intervalWords(measure, interval, isDifference);
    });
  const others = (['base', 'current'] as const).filter((role) => differences[role] !== undefined);
  return [
    `${items} questions; in brackets 95 % bootstrap intervals (${rounds} resamples, the same for all)`,
    ...columns([
      ['', ...measured.map((measure) => measureNames[measure])],
      ...roles.flatMap((role) => (models[role] ? [[roleNames[role], ...cells(models[role], false)]] : [])),
      ...others.map((role) => [`candidate − ${roleNames[role]}`, ...cells(differences[role], true)]),
    ]),
  ];
}

export function canaryLines(reports: Readonly<Partial<Record<ModelRole, CanaryReport>>>): readonly string[] {
  return roles.flatMap((role) => {
    const report = reports[role];
    if (report === undefined) return [];
    return [
      `${roleNames[role]}: ${report.passed} of ${report.total} canaries passed`,
      ...report.failed.map(({ id, why }) => `  ${id}: ${why}`),
    ];
  });
}

/** Cells below each other; the last column is not padded. */
function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('   ')
      .trimEnd(),
  );
}
