// The figures of an audit: how well scores had predicted what retraining without some examples did to each answer, and
// whether they name the examples that state a fact. Used by the audit of a version and by the bench, for every method on
// the same runs. Numbers only. A figure is a mean over queries with its 95 % bootstrap interval; null = nothing to measure.
// What scores predict: leaving examples out raises the answer's loss in the order of the sum of their scores, so any
// positive scaling of one query's scores gives the same figure.
import type { AuditFigure, AuditFigures } from '../../audit-job.ts';
import { bootstrapMean } from '../../train/bootstrap.ts';
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
 * predicted and measured losses over the runs, for each query; a query whose losses or predictions do not vary has none.
 */
export function ldsByQuery(scores: ScoreTable, runs: readonly MeasuredRun[]): readonly (number | null)[] {
  return scores.map((row, query) =>
    rankCorrelation(
      runs.map(({ leftOut }) => sumOf(row, leftOut)),
      runs.map(({ losses }) => losses[query]),
    ),
  );
}

/** Pearson of the sum of the scores of each group with the change of loss without it, over the groups, for each query. */
export function locoByQuery(
  scores: ScoreTable,
  fullLosses: readonly number[],
  runs: readonly MeasuredRun[],
): readonly (number | null)[] {
  return scores.map((row, query) =>
    correlation(
      runs.map(({ leftOut }) => sumOf(row, leftOut)),
      runs.map(({ losses }) => losses[query] - fullLosses[query]),
    ),
  );
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
    lds: auditFigure(ldsByQuery(scores, halves)),
    locoPearson: auditFigure(locoByQuery(scores, fullLosses, alone)),
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
