// Ways to say which examples made an answer, side by side: ours in its plain form and what others publish. Used by
// compare-methods.ts for the audit and the bench; nobody is paid by these. Knows inner products of gradients and texts.
// Formulas: TracInCP arxiv.org/abs/2002.08484 · DataInf 2310.00902 · LESS 2402.04333 (without projection and Adam's moments)
// · damped Fisher 1703.04730 with the empirical Fisher, exact in its dual form.
// Invariant: a positive score = made the answer likelier; the scale of one query's scores means nothing.
import { seededRandom } from '../train/training-random.ts';
import { dualFisher } from './dual-fisher.ts';
import { tfidfIndex } from './tfidf-baseline.ts';
import { inverseRoot } from './unit-gram.ts';

/** Inner products of one answer's gradient with those of the examples at one point of the training, matrix by matrix. */
export interface PointProducts {
  /** [matrices][examples]; none at earlier states, where no method asks for them. */
  readonly matrices: readonly Float64Array[];
  /** [examples] over all matrices. */
  readonly whole: Float64Array;
  /** Of the answer's gradient with itself. */
  readonly self: number;
}

/** An answer, ready for every method. */
export interface MethodQuery {
  readonly text: string;
  /** At the finished adapter, then at the earlier states, as in `MethodData.points`. */
  readonly points: readonly PointProducts[];
}

export interface AttributionMethod {
  readonly id: string;
  /** In words, for tables and plots. */
  readonly name: string;
  /** [examples] */
  scores(query: MethodQuery): Float64Array;
}

/** What the methods know of the examples. */
export interface MethodData {
  /** Question and answer of each. */
  readonly texts: readonly string[];
  /** At the finished adapter, inner products of the examples' gradients in each matrix, [examples, examples]. */
  readonly matrices: readonly { readonly width: number; readonly gram: Float64Array }[];
  /** The finished adapter, then the earlier states. */
  readonly points: readonly {
    /** [examples] squared length of each gradient, over all matrices. */
    readonly squares: Float64Array;
    /** Sum of the learning rates of the updates that led here since the state before. */
    readonly learningRateSum: number;
  }[];
  /** c of the damping of the exact Fisher. */
  readonly damping: number;
}

export function attributionMethods(data: MethodData): readonly AttributionMethod[] {
  const { texts, matrices, points } = data;
  const count = texts.length;
  const end = sumOf(matrices.map(({ gram }) => gram));
  const lengths = points.map(({ squares }) => squares.map(inverseRoot));
  const weightedSum = (term: (at: number, i: number) => number): Float64Array =>
    Float64Array.from({ length: count }, (_, i) =>
      points.reduce((sum, { learningRateSum }, at) => sum + learningRateSum * term(at, i), 0),
    );
  return [
    {
      id: 'fisher-end',
      name: 'exact Fisher at the end alone',
      scores: exactFisher(end, count, data.damping),
    },
    { id: 'dot', name: 'gradient product', scores: ({ points: [at] }) => at.whole },
    {
      ...{ id: 'cosine', name: 'gradient cosine' },
      scores: ({ points: [{ whole, self }] }) => whole.map((v, i) => v * lengths[0][i] * inverseRoot(self)),
    },
    {
      ...{ id: 'tracin-cp', name: `TracIn, ${points.length} states` },
      scores: (query) => weightedSum((at, i) => query.points[at].whole[i]),
    },
    {
      ...{ id: 'less', name: `LESS, ${points.length} states` },
      scores: (query) =>
        weightedSum(
          (at, i) => query.points[at].whole[i] * lengths[at][i] * inverseRoot(query.points[at].self),
        ),
    },
    { id: 'datainf', name: 'DataInf', scores: dataInf(matrices, count) },
    ...wordMethods(texts),
  ];
}

/** Those that need no gradients. */
export function wordMethods(texts: readonly string[]): readonly AttributionMethod[] {
  const lexical = tfidfIndex(texts);
  const random = seededRandom(31);
  return [
    { id: 'tf-idf', name: 'TF-IDF', scores: ({ text }) => lexical.score(text) },
    { id: 'random', name: 'random', scores: () => Float64Array.from(texts, random) },
  ];
}

/** Plain gradients, not of unit length: the textbook form. */
function exactFisher(gram: Float64Array, count: number, damping: number): AttributionMethod['scores'] {
  const fisher = dualFisher({ trained: count, decoys: 0, values: gram }, damping);
  return ({ points: [{ whole, self }] }) =>
    fisher.score({ trained: whole, decoys: new Float64Array(0), self }).trained;
}

/**
 * s_i = Σ_l (1/λ_l) [g_q·g_i − (1/n) Σ_j (g_j·g_q)(g_j·g_i) / (λ_l + |g_j|²)] over matrices l,
 * λ_l = (1/10) mean_i mean(g_i²) of the matrix's values.
 */
function dataInf(matrices: MethodData['matrices'], count: number): AttributionMethod['scores'] {
  const lambdas = matrices.map(({ width, gram }) => {
    let trace = 0;
    for (let i = 0; i < count; i++) trace += gram[i * count + i];
    return trace / count / width / 10;
  });
  return ({ points: [{ matrices: products }] }) => {
    const scores = new Float64Array(count);
    matrices.forEach(({ gram }, l) => {
      const lambda = lambdas[l];
      if (!(lambda > 0)) return; // a matrix that no example moves says nothing
      const query = products[l];
      for (let i = 0; i < count; i++) {
        let seen = 0;
        for (let j = 0; j < count; j++)
          seen += (query[j] * gram[j * count + i]) / (lambda + gram[j * count + j]);
        scores[i] += (query[i] - seen / count) / lambda;
      }
    });
    return scores;
  };
}

function sumOf(tables: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(tables[0].length);
  for (const table of tables) for (let i = 0; i < sum.length; i++) sum[i] += table[i];
  return sum;
}
