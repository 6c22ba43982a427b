// The figures of an audit: how well scores had predicted what retraining without some examples did to each answer, and
// whether they name the examples that state a fact. Used by the audit of a version and by the bench, for every method on
// the same runs. Numbers only. A figure is a mean over queries with its 95 % bootstrap interval: over the queries, and over
// the retrainings too where these are compared (agreement-interval.ts). Null = nothing to measure.
// What scores predict: leaving examples out raises the answer's loss in the order of the sum of their scores, so any
// positive scaling of one query's scores gives the same figure.
import type { AuditFigure, AuditFigures } from '../../audit-job.ts';
import { bootstrapMean } from '../../train/bootstrap.ts';
import { agreementInterval, type Compared } from './agreement-interval.ts';
import { correlation, rankCorrelation } from './rank-correlation.ts';

/** What became of every query's loss without some examples. */
export interface MeasuredRun {
  /** Indices of examples. */
  readonly leftOut: readonly number[];
  /** [queries] mean nats per answer token. */
  readonly losses: readonly number[];
}

/** [queries][examples]: positive = it made the answer likelier. */
export type ScoreTable = readonly ArrayLike<number>[];

/**
 * Linear datamodeling score (arxiv.org/abs/2202.00622; the definition of TRAK, 2303.14186, section 2): Spearman of
 * predicted and measured losses over the runs, for each query. Scores that say nothing of a query whose losses do vary
 * have 0 there: a method is not judged by the queries that it chose to speak of. Null where no loss varies.
 */
export function ldsByQuery(scores: ScoreTable, runs: readonly MeasuredRun[]): readonly (number | null)[] {
  return comparedRuns(scores, runs).map((one) => agreement(one, rankCorrelation));
}

/** Pearson of the sum of the scores of each group with the change of loss without it, over the groups, for each query. */
export function locoByQuery(
  scores: ScoreTable,
  fullLosses: readonly number[],
  runs: readonly MeasuredRun[],
): readonly (number | null)[] {
  return comparedRuns(scores, runs, fullLosses).map((one) => agreement(one, correlation));
}

/** Mean of ldsByQuery with its interval. */
export function ldsFigure(scores: ScoreTable, runs: readonly MeasuredRun[]): AuditFigure | null {
  return agreementFigure(comparedRuns(scores, runs), ldsByQuery(scores, runs), true);
}

/** Mean of locoByQuery with its interval. */
export function locoFigure(
  scores: ScoreTable,
  fullLosses: readonly number[],
  runs: readonly MeasuredRun[],
): AuditFigure | null {
  const values = locoByQuery(scores, fullLosses, runs);
  return agreementFigure(comparedRuns(scores, runs, fullLosses), values, false);
}

/** @param from losses that changes are counted from; the losses themselves where left out */
function comparedRuns(
  scores: ScoreTable,
  runs: readonly MeasuredRun[],
  from?: readonly number[],
): readonly Compared[] {
  return scores.map((row, query) => ({
    predicted: runs.map(({ leftOut }) => sumOf(row, leftOut)),
    measured: runs.map(({ losses }) => losses[query] - (from?.[query] ?? 0)),
  }));
}

function agreement({ predicted, measured }: Compared, correlate: typeof correlation): number | null {
  const varies = correlate(measured, measured) !== null;
  return varies ? (correlate(predicted, measured) ?? 0) : null;
}

function agreementFigure(
  compared: readonly Compared[],
  values: readonly (number | null)[],
  ranks: boolean,
): AuditFigure | null {
  const asked = compared.filter((_, query) => values[query] !== null);
  const interval = asked.length === 0 ? null : agreementInterval(asked, { ranks });
  if (interval === null) return null;
  const given = values.flatMap((value) => value ?? []);
  return { value: given.reduce((sum, value) => sum + value, 0) / given.length, ...interval };
}

interface SourceRanks {
  /** 1 where the example with the highest score states the fact, else 0; a tie with another example is lost. */
  readonly top1: number;
  /** 1 / rank of the best one that states it; 0 where none has a positive score. */
  readonly reciprocal: number;
  /** Part of those that state it among as many highest scores. */
  readonly recallAtGold: number;
}

/** @param gold indices of the examples that state the fact, at least one */
export function sourceRanks(scores: ArrayLike<number>, gold: readonly number[]): SourceRanks {
  const all = Array.from(scores);
  const isGold = new Set(gold);
  /** Others that are not below it come before it. */
  const rank = (at: number): number =>
    1 + all.filter((score, i) => !isGold.has(i) && score >= all[at]).length;
  const named = gold.filter((at) => all[at] > 0);
  const best = Math.min(...named.map(rank), Number.POSITIVE_INFINITY);
  const found = named.filter(
    (at) => rank(at) + all.filter((s, i) => isGold.has(i) && s > all[at]).length <= gold.length,
  );
  return { top1: Number(best === 1), reciprocal: 1 / best, recallAtGold: found.length / gold.length };
}

/** Mean over the queries that have a value, and its interval. */
export function auditFigure(values: readonly (number | null)[]): AuditFigure | null {
  const given = values.flatMap((value) => value ?? []);
  if (given.length === 0) return null;
  const { mean: value, low, high } = bootstrapMean(given);
  return { value, low, high };
}

interface FigureInputs {
  /** What predicts: raw scores. */
  readonly scores: ScoreTable;
  /** What is named first: shares as paid, or the scores themselves where left out. */
  readonly shares?: ScoreTable;
  /** What finds all that state a fact: of copies the first alone is paid, but all are found. Left out = the scores. */
  readonly named?: ScoreTable;
  readonly halves: readonly MeasuredRun[];
  readonly alone: readonly MeasuredRun[];
  readonly fullLosses: readonly number[];
  /** [queries] indices of the examples that state the fact; empty where unknown. */
  readonly gold: readonly (readonly number[])[];
}

/** All figures of one method. */
export function auditFigures(inputs: FigureInputs): AuditFigures {
  const { scores, shares = scores, named = scores, halves, alone, fullLosses, gold } = inputs;
  const ranks = gold.flatMap((ids, query) =>
    ids.length === 0
      ? []
      : [{ paid: sourceRanks(shares[query], ids), found: sourceRanks(named[query], ids) }],
  );
  return {
    lds: ldsFigure(scores, halves),
    locoPearson: locoFigure(scores, fullLosses, alone),
    top1: auditFigure(ranks.map(({ paid }) => paid.top1)),
    mrr: auditFigure(ranks.map(({ paid }) => paid.reciprocal)),
    recallAtGold: auditFigure(ranks.map(({ found }) => found.recallAtGold)),
  };
}

function sumOf(row: ArrayLike<number>, indices: readonly number[]): number {
  let sum = 0;
  for (const at of indices) sum += row[at];
  return sum;
}
