// How well do shares point to the contribution that states the fact? Figures of ours, TF-IDF and a random order on
// the same answers. Used by attribution-eval-cli.ts. It knows questions, answers and which contribution is right.
import type { AdapterRef, Example } from '../engine.ts';
import { isRightAnswer, saysPhrase } from '../train/answer-match.ts';
import type { Attributor, Explanation } from './attribute.ts';
import { type RankingFigures, randomRanking } from './random-baseline.ts';
import { noiseFloor, sharesOf } from './shares.ts';
import { tfidfIndex } from './tfidf-baseline.ts';

export interface EvalQuery {
  readonly question: string;
  readonly answer: string;
  readonly expected: string;
  /** Ids of the examples that state the fact: naming any of them is right. */
  readonly goldIds: readonly string[];
}

interface MethodRow extends RankingFigures {
  readonly method: 'shares' | 'scores' | 'TF-IDF' | 'random';
  /**
   * all, right: named is the contribution that states the fact asked for. wrong: a wrong answer came from somewhere
   * too; named is a contribution that states what the answer says in its place (answers that say none are left out).
   */
  readonly answers: 'all' | 'right' | 'wrong';
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
  /** The phrase that each example teaches, by example id, where known. */
  readonly phrases: ReadonlyMap<string, string>;
}

/** Ranks of the best of some contributions; Infinity = not among the paid. */
interface Ranks {
  readonly shares: number;
  readonly scores: number;
  readonly 'TF-IDF': number;
  readonly random: RankingFigures;
}

interface QueryResult {
  readonly isRight: boolean;
  readonly asked: Ranks;
  /** Of the contributions that state what a wrong answer says. */
  readonly said: Ranks | undefined;
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
    const isRight = isRightAnswer({ ...query, others });
    const said = examples.filter(({ id }) => saysPhrase(query.answer, evaluation.phrases.get(id) ?? ''));
    const ranks = (ids: readonly string[]): Ranks => ranksOf(explanation, examples, lexicalScores, ids);
    results.push({
      isRight,
      asked: ranks(query.goldIds),
      said: isRight || said.length === 0 ? undefined : ranks(said.map(({ id }) => id)),
      ...paidOf(explanation, query.goldIds),
    });
    onProgress(results.length, total);
  }
  const junk: { readonly alpha: number; readonly paid: number }[] = [];
  for (const [at, decoy] of decoys.entries()) {
    junk.push(junkOf(await explain(evaluation, decoy), at));
    onProgress(queries.length + junk.length, total);
  }
  return {
    rows: [
      ...rowsOf(
        'all',
        results.map(({ asked }) => asked),
      ),
      ...rowsOf(
        'right',
        results.filter(({ isRight }) => isRight).map(({ asked }) => asked),
      ),
      ...rowsOf(
        'wrong',
        results.flatMap(({ said }) => said ?? []),
      ),
    ],
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
  examples: readonly Example[],
  lexicalScores: Float64Array,
  ids: readonly string[],
): Ranks {
  const lexical = bestRank(
    lexicalScores,
    ids.map((wanted) => examples.findIndex(({ id }) => id === wanted)),
  );
  const random = randomRanking(examples.length, ids.length);
  const nowhere = Number.POSITIVE_INFINITY;
  if (explanation === undefined) return { shares: nowhere, scores: nowhere, 'TF-IDF': lexical, random };
  const { scores } = explanation;
  const rows = ids.map((id) => rowOf(explanation, id));
  const best = bestRank(scores.trained, rows);
  const paid = rows.some((row) => scores.trained[row] > floorOf(explanation));
  return { shares: paid ? best : nowhere, scores: best, 'TF-IDF': lexical, random };
}

function paidOf(
  explanation: Explanation | undefined,
  goldIds: readonly string[],
): Pick<QueryResult, 'alpha' | 'goldPart' | 'paidContributions'> {
  if (explanation === undefined) return { alpha: 0, goldPart: 0, paidContributions: 0 };
  const parts = sharesOf(explanation.scores.trained, floorOf(explanation), 1);
  const paidContributions = parts.filter((part) => part > 0).length;
  const goldRows = [...new Set(goldIds.map((id) => rowOf(explanation, id)))].filter((row) => row >= 0); // copies share a row
  const goldPart = goldRows.reduce((sum, row) => sum + parts[row], 0);
  return { alpha: explanation.alpha, goldPart, paidContributions };
}

function floorOf({ scores, store }: Explanation): number {
  return noiseFloor(scores.decoys, store.meta.floorQuantile);
}

/** The row that stands for an example: its own, or that of the example it is a copy of. */
function rowOf({ store }: Explanation, id: string): number {
  const standsFor = store.meta.copies.find((copy) => copy.id === id)?.of ?? id;
  return store.meta.examples.findIndex((example) => example.id === standsFor);
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

/**
 * Of the best of some; 1 = first, Infinity = none of them is there. Who else scores the same counts as better, so that ties
 * never flatter.
 */
function bestRank(scores: Float64Array, places: readonly number[]): number {
  const wanted = places.filter((at) => at >= 0);
  if (wanted.length === 0) return Number.POSITIVE_INFINITY;
  const best = Math.max(...wanted.map((at) => scores[at]));
  return scores.reduce((rank, score, i) => (score >= best && !wanted.includes(i) ? rank + 1 : rank), 1);
}

function rowsOf(answers: MethodRow['answers'], results: readonly Ranks[]): readonly MethodRow[] {
  const queries = results.length;
  if (queries === 0) return [];
  const ranked = (['shares', 'scores', 'TF-IDF'] as const).map((method): MethodRow => {
    const ranks = results.map((result) => result[method]);
    const part = (most: number): number => mean(ranks.map((rank) => Number(rank <= most)));
    return {
      method,
      answers,
      queries,
      top1: part(1),
      top3: part(3),
      mrr: mean(ranks.map((rank) => 1 / rank)),
    };
  });
  const expected = (figure: keyof RankingFigures): number =>
    mean(results.map(({ random }) => random[figure]));
  const random = { top1: expected('top1'), top3: expected('top3'), mrr: expected('mrr') };
  return [...ranked, { method: 'random', answers, queries, ...random }];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
