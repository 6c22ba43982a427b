// Every baseline's scores of the same answers over the same examples: gradients are taken once at each state of the
// training, and each method makes of them what it makes. Used by the audit and the bench. It knows texts; it judges nothing.
// Gradients are taken at the adapter's full strength, as the methods are published. Plain on purpose: products of all pairs of
// examples, in each of some forty matrices. 330 n² bytes, 0.75 GB for 1,500 examples; of more only those methods are compared
// that need no gradients, so that a large version can be audited all the same.
import type { AdapterRef, Example, TrainingCheckpoint } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { loraTensorShapes } from '../graph/llama-train-graph.ts';
import { readRunCheckpoints } from '../train/run-checkpoints.ts';
import { type BaseModel, loadAdaptedModel, loadBaseModel } from './adapted-model.ts';
import {
  type AttributionMethod,
  attributionMethods,
  type MethodData,
  type MethodQuery,
  type PointProducts,
  wordMethods,
} from './attribution-method.ts';
import { defaultSettings } from './attribution-settings.ts';
import { emptyRows, type FeatureRows, quantiseRow, rowsTimes } from './feature-rows.ts';
import { createGradientModel, type TokenisedExample } from './gradient-model.ts';
import { gramMatrix } from './gram-matrix.ts';

interface ComparedVersion {
  readonly modelDir: string;
  readonly adapter: AdapterRef;
  /** Left out = those that the adapter's folder keeps. */
  readonly checkpoints?: readonly TrainingCheckpoint[];
  readonly examples: readonly Example[];
  readonly queries: readonly { readonly question: string; readonly answer: string }[];
  readonly threads?: number;
  /** Left out: 1,500. For tests. */
  readonly examplesMax?: number;
}

const examplesUsual = 1500;

export interface MethodTable extends Pick<AttributionMethod, 'id' | 'name'> {
  /** [queries] of [examples] */
  readonly scores: readonly Float64Array[];
}

/** @throws EngineError `answer_empty` | `checkpoints_malformed` | of loading model and adapter */
export async function compareMethods(version: ComparedVersion): Promise<readonly MethodTable[]> {
  const { examples, queries } = version;
  const texts = examples.map(textOf);
  const isLarge = examples.length > (version.examplesMax ?? examplesUsual);
  const { methods, products } = isLarge
    ? { methods: wordMethods(texts), products: queries.map(() => []) }
    : await gradientMethods(version, texts);
  const ready = queries.map((query, at): MethodQuery => ({ text: textOf(query), points: products[at] }));
  return methods.map(({ id, name, scores }) => ({ id, name, scores: ready.map(scores) }));
}

async function gradientMethods(version: ComparedVersion, texts: readonly string[]) {
  const { adapter, examples, queries, threads = 1 } = version;
  const base = loadBaseModel(version.modelDir);
  const tokens = examples.map((example) => tokensOf(base, example));
  const asked = queries.map((query) => tokensOf(base, query));
  const points: MethodData['points'][number][] = [];
  const matrices: MethodData['matrices'][number][] = [];
  const products: PointProducts[][] = asked.map(() => []);
  for (const { dir, learningRateSum } of statesOf(version)) {
    const { gradientModel } = loadAdaptedModel(base, { id: adapter.id, dir });
    const shapes = loraTensorShapes(gradientModel.config, gradientModel.lora);
    const widths = [...shapes.values()].map(([rows, columns]) => rows * columns);
    const model = createGradientModel({ ...gradientModel, strength: 1, threads });
    const isEnd = points.length === 0;
    const rows = widths.map((width) => emptyRows(examples.length, width));
    const squares = new Float64Array(examples.length);
    await model.gradients(tokens, (index, vector) => {
      squares[index] = squaredLength(vector);
      cut(vector, widths).forEach((part, matrix) => {
        quantiseRow(rows[matrix], index, part);
      });
    });
    await model.gradients(asked, (index, vector) => {
      const { matrices: parts, ...whole } = productsOf(rows, cut(vector, widths));
      products[index].push({ ...whole, matrices: isEnd ? parts : [] });
    });
    await model.release();
    if (isEnd) for (const part of rows) matrices.push({ width: part.width, gram: await gramMatrix(part) });
    points.push({ squares, learningRateSum });
  }
  const { damping } = defaultSettings;
  return { methods: attributionMethods({ texts, matrices, points, damping }), products };
}

const textOf = ({ question, answer }: { question: string; answer: string }): string =>
  `${question} ${answer}`;

/** The finished adapter first, then the earlier states, the latest first. */
function statesOf({ adapter, checkpoints }: ComparedVersion): readonly Omit<TrainingCheckpoint, 'step'>[] {
  const known = checkpoints ?? readRunCheckpoints(adapter.dir);
  const end = known.find(({ dir }) => dir === adapter.dir) ?? { dir: adapter.dir, learningRateSum: 1 };
  return [end, ...known.filter(({ dir }) => dir !== adapter.dir).reverse()];
}

function tokensOf(base: BaseModel, pair: { question: string; answer: string }): TokenisedExample {
  const ids = base.tokenise([{ role: 'user', content: pair.question }], pair.answer);
  if (ids !== undefined) return ids;
  const message = `no answer to "${pair.question}"`;
  throw new EngineError(message, { code: 'answer_empty', retry: 'never' });
}

function cut(vector: Float32Array, widths: readonly number[]): readonly Float32Array[] {
  let at = 0;
  return widths.map((width) => {
    at += width;
    return vector.subarray(at - width, at);
  });
}

function productsOf(rows: readonly FeatureRows[], query: readonly Float32Array[]): PointProducts {
  const matrices = rows.map((part, matrix) => rowsTimes(part, query[matrix]));
  const whole = new Float64Array(rows[0].count);
  for (const part of matrices) for (let i = 0; i < whole.length; i++) whole[i] += part[i];
  const self = query.reduce((sum, part) => sum + squaredLength(part), 0);
  return { matrices, whole, self };
}

function squaredLength(vector: Float32Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return sum;
}
