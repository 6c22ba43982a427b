// Base, candidate and current version over the same questions: part of right answers, word overlap and loss with their
// intervals, and the differences with theirs (paired). Used by the evaluation command and by the judging of a trained
// candidate. Pure. What was not measured is left out, never guessed.
import type { EvalReport } from '../engine.ts';
import { bootstrapRounds, type Interval, type Resampled, resample } from './bootstrap.ts';

export type Measure = 'exact' | 'overlap' | 'loss';
export const measures: readonly Measure[] = ['exact', 'overlap', 'loss'];

/** By measure: exact and overlap 0..1, loss in nats per token. */
export type Figures = Readonly<Partial<Record<Measure, Interval>>>;

export type ModelRole = 'base' | 'candidate' | 'current';
export type ReportsByRole = Readonly<Partial<Record<ModelRole, EvalReport>>>;

export interface ModelComparison {
  /** Questions asked of each model. */
  readonly items: number;
  readonly rounds: number;
  readonly models: Readonly<Partial<Record<ModelRole, Figures>>>;
  /** Candidate minus the other one. */
  readonly differences: Readonly<Partial<Record<Exclude<ModelRole, 'candidate'>, Figures>>>;
}

/** @throws RangeError when the reports are not of the same questions in the same order */
export function compareModels(reports: ReportsByRole, rounds = bootstrapRounds): ModelComparison {
  const { base, candidate, current } = reports;
  const given = [base, candidate, current].filter((report) => report !== undefined);
  const questions = given[0]?.answers.map(({ question, expected }) => `${question}\n${expected}`) ?? [];
  for (const { answers } of given)
    if (
      answers.length !== questions.length ||
      answers.some(({ question, expected }, i) => `${question}\n${expected}` !== questions[i])
    )
      throw new RangeError('the reports are of different questions');
  const draws = resample(questions.length, { rounds });
  const figures = (report: EvalReport | undefined) => report && figuresOf(report, draws);
  const minus = (other: EvalReport | undefined) =>
    candidate && other && candidate !== other ? differencesOf(candidate, other, draws) : undefined;
  return {
    items: questions.length,
    rounds,
    models: withoutUndefined({
      base: figures(base),
      candidate: figures(candidate),
      current: figures(current),
    }),
    differences: withoutUndefined({ base: minus(base), current: minus(current) }),
  };
}

function figuresOf(report: EvalReport, draws: Resampled): Figures {
  return byMeasure((measure) => {
    const values = valuesOf(report, measure);
    return values && draws.mean(values);
  });
}

function differencesOf(a: EvalReport, b: EvalReport, draws: Resampled): Figures {
  return byMeasure((measure) => {
    const [ofA, ofB] = [valuesOf(a, measure), valuesOf(b, measure)];
    return ofA && ofB && draws.difference(ofA, ofB);
  });
}

function byMeasure(read: (measure: Measure) => Interval | undefined): Figures {
  return withoutUndefined({ exact: read('exact'), overlap: read('overlap'), loss: read('loss') });
}

/** Undefined unless every answer has been measured. */
function valuesOf({ answers }: EvalReport, measure: Measure): readonly number[] | undefined {
  const values = answers.map(({ correct, overlap, loss }) =>
    measure === 'exact' ? Number(correct) : measure === 'overlap' ? overlap : loss,
  );
  const measured = values.filter((value) => value !== undefined && Number.isFinite(value));
  return measured.length === answers.length && answers.length > 0
    ? (measured as readonly number[])
    : undefined;
}

function withoutUndefined<T extends object>(
  values: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
