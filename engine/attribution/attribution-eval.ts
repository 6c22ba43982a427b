// How well do shares point to the contribution that states the fact? Figures of ours, TF-IDF and a random order on
// the same answers. Used by attribution-eval-cli.ts. It knows questions, answers and which contribution is right.
import type { AdapterRef, Example } from '../engine.ts';
import { isRightAnswer } from '../train/answer-match.ts';
import type { Attributor, Explanation } from './attribute.ts';
import { type RankingFigures, randomRanking } from './random-baseline.ts';
import { noiseFloor, sharesOf } from './shares.ts';
import { tfidfIndex } from './tfidf-baseline.ts';

export interface EvalQuery {
  readonly question: string;
  readonly answer: string;
  readonly expected: string;
  /** Id of the example that states the fact. */
  readonly goldId: string;
}

interface MethodRow extends RankingFigures {
  readonly method: 'shares' | 'scores' | 'TF-IDF' | 'random';
  readonly answers: 'all' | 'right';
  readonly queries: number;
}

export interface AttributionFigures {
  readonly rows: readonly MethodRow[];
  /** Mean over all queries. */
  readonly alpha: number;
  /** Mean part of the paid sum that goes to the right contribution. */
  readonly goldPart: number;
  /** Mean number of contributions that are paid for one answer. */
  readonly paidContributions: number;
  /** Part of the queries for which nothing rises above the floor. */
  readonly unpaidQueries: number;
  /** The decoys' own questions and answers as queries: none of it was trained, so all that is paid here is junk. */
  readonly decoys: { readonly queries: number; readonly alpha: number; readonly paid: number };
}

interface AttributionEval {
  readonly attributor: Attributor;
  readonly adapter: AdapterRef;
  readonly storeDir: string;
  readonly examples: readonly Example[];
  readonly decoys: readonly Example[];
  readonly queries: readonly EvalQuery[];
}

interface QueryResult {
  readonly isRight: boolean;
  /** Rank of the right contribution among the paid; undefined where it is not paid. */
  readonly shareRank: number | undefined;
  readonly scoreRank: number;
  readonly lexicalRank: number;
  readonly alpha: number;
  readonly goldPart: number;
  readonly paidContributions: number;
}

/** @param onProgress after each query, decoys included */
export async function evaluateAttribution(
  evaluation: AttributionEval,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<AttributionFigures> {
  const { queries, decoys, examples } = evaluation;
  const total = queries.length + decoys.length;
  const lexical = tfidfIndex(examples.map(({ question, answer }) => `${question} ${answer}`));
  const others = [...new Set(queries.map(({ expected }) => expected))];
  const results: QueryResult[] = [];
  for (const query of queries) {
    const explanation = await explain(evaluation, query);
    const lexicalScores = lexical.score(`${query.question} ${query.answer}`);
    const goldAt = examples.findIndex(({ id }) => id === query.goldId);
    results.push({
      ...ranksOf(explanation, query.goldId),
      isRight: isRightAnswer({ ...query, others }),
      lexicalRank: rankOf(lexicalScores, goldAt),
    });
    onProgress(results.length, total);
  }
  const junk: { readonly alpha: number; readonly paid: number }[] = [];
  for (const [at, decoy] of decoys.entries()) {
    junk.push(junkOf(await explain(evaluation, decoy), at));
    onProgress(queries.length + junk.length, total);
  }
  return {
    rows: (['all', 'right'] as const).flatMap((answers) =>
      rowsOf(
        answers,
        results.filter(({ isRight }) => answers === 'all' || isRight),
        examples.length,
      ),
    ),
    alpha: mean(results.map(({ alpha }) => alpha)),
    goldPart: mean(results.map(({ goldPart }) => goldPart)),
    paidContributions: mean(results.map((result) => result.paidContributions)),
    unpaidQueries: mean(results.map((result) => Number(result.paidContributions === 0))),
    decoys: {
      queries: junk.length,
      alpha: mean(junk.map(({ alpha }) => alpha)),
      paid: mean(junk.map(({ paid }) => paid)),
    },
  };
}

async function explain(
  { attributor, adapter, storeDir }: AttributionEval,
  { question, answer }: { readonly question: string; readonly answer: string },
): Promise<Explanation | undefined> {
  return attributor.explain({ adapter, storeDir, messages: [{ role: 'user', content: question }], answer });
}

function ranksOf(
  explanation: Explanation | undefined,
  goldId: string,
): Omit<QueryResult, 'isRight' | 'lexicalRank'> {
  if (explanation === undefined)
    return {
      shareRank: undefined,
      scoreRank: Number.POSITIVE_INFINITY,
      alpha: 0,
      goldPart: 0,
      paidContributions: 0,
    };
  const { store, scores, alpha } = explanation;
  const paidTo = store.meta.copies.find(({ id }) => id === goldId)?.of ?? goldId;
  const gold = store.meta.examples.findIndex(({ id }) => id === paidTo);
  const parts = sharesOf(scores.trained, noiseFloor(scores.decoys, store.meta.floorQuantile), 1);
  const scoreRank = rankOf(scores.trained, gold);
  return {
    alpha,
    scoreRank,
    shareRank: parts[gold] > 0 ? scoreRank : undefined,
    goldPart: parts[gold],
    paidContributions: parts.filter((part) => part > 0).length,
  };
}

/** The decoy's own row is left out of its floor: it would score 1 with itself. */
function junkOf(
  explanation: Explanation | undefined,
  at: number,
): { readonly alpha: number; readonly paid: number } {
  if (explanation === undefined) return { alpha: 0, paid: 0 };
  const { store, scores, alpha } = explanation;
  const floor = noiseFloor(
    scores.decoys.filter((_, i) => i !== at),
    store.meta.floorQuantile,
  );
  return { alpha, paid: sharesOf(scores.trained, floor, alpha).reduce((sum, share) => sum + share, 0) };
}

/** 1 = best; whoever scores the same counts as better, so that ties never flatter. */
function rankOf(scores: Float64Array, gold: number): number {
  return scores.reduce((rank, score, i) => (i !== gold && score >= scores[gold] ? rank + 1 : rank), 1);
}

function rowsOf(
  answers: MethodRow['answers'],
  results: readonly QueryResult[],
  examples: number,
): readonly MethodRow[] {
  const row = (method: MethodRow['method'], rank: (result: QueryResult) => number | undefined): MethodRow => {
    const ranks = results.map((result) => rank(result) ?? Number.POSITIVE_INFINITY);
    const part = (most: number): number => mean(ranks.map((value) => Number(value <= most)));
    return {
      method,
      answers,
      queries: results.length,
      top1: part(1),
      top3: part(3),
      mrr: mean(ranks.map((value) => 1 / value)),
    };
  };
  return [
    row('shares', ({ shareRank }) => shareRank),
    row('scores', ({ scoreRank }) => scoreRank),
    row('TF-IDF', ({ lexicalRank }) => lexicalRank),
    { method: 'random', answers, queries: results.length, ...randomRanking(examples, 1) },
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
