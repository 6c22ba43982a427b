// What the gradient store loses by keeping a byte where a float stood, and whether building it twice gives the same bytes: the
// shares that the stored rows pay beside those of the formula written out in floats over the very gradients. Listed by the
// attribution bench. On a part of the subject's statements: floats of all of them would take gigabytes.
import { join } from 'node:path';
import {
  type BaseModel,
  loadAdaptedModel,
  loadBaseModel,
} from '../../../engine/attribution/adapted-model.ts';
import { defaultSettings } from '../../../engine/attribution/attribution-settings.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { dualFisher } from '../../../engine/attribution/dual-fisher.ts';
import { createGradientModel, type TokenisedExample } from '../../../engine/attribution/gradient-model.ts';
import { type GradientPoint, gradientPoints } from '../../../engine/attribution/gradient-points.ts';
import { openGradientStore } from '../../../engine/attribution/gradient-store.ts';
import { influenceScores } from '../../../engine/attribution/influence.ts';
import { coordinateScale } from '../../../engine/attribution/influence-rows.ts';
import { noiseFloor, sharesOf } from '../../../engine/attribution/shares.ts';
import { inverseRoot, unitGram } from '../../../engine/attribution/unit-gram.ts';
import { readRunCheckpoints } from '../../../engine/train/run-checkpoints.ts';
import type { AttributionMeasure } from './attribution-bench-context.ts';

const rounding = {
  name: 'store-int8',
  measure: 'shares paid by the int8 store and by floats: total variation, mean over answers',
  unit: '',
  goal: { atMost: 0.02 },
} as const;
const again = {
  name: 'store-again',
  measure: 'stores built twice from the same inputs that are equal to the bit',
  unit: '%',
  goal: { atLeast: 100 },
} as const;

export const storeMeasure: AttributionMeasure = {
  figures: [rounding, again],
  run: async (bench) => {
    const { facts, adapter, modelDir } = await bench.subject();
    const examples = facts.statements.slice(0, bench.quick ? 20 : 80);
    const decoys = facts.decoys.slice(0, bench.quick ? 15 : 40);
    const queries = facts.queries.slice(0, bench.quick ? 6 : 30);
    const build = { modelDir, adapter, examples, decoys, apart: true };
    const [one, two] = ['int8', 'int8-again'].map((name) => join(bench.folder, name));
    const hashes = [
      await buildGradientStore({ ...build, storeDir: one }),
      await buildGradientStore({ ...build, storeDir: two }),
    ];
    const { rows, meta } = openGradientStore(one);
    const base = loadBaseModel(modelDir);
    const tokens = (list: readonly { question: string; answer: string }[]): TokenisedExample[] =>
      list.map(({ question, answer }) => {
        const ids = base.tokenise([{ role: 'user', content: question }], answer);
        if (ids === undefined) throw new Error(`bug: no answer to ${question}`);
        return ids;
      });
    const points = gradientPoints(adapter, readRunCheckpoints(adapter.dir), defaultSettings);
    const asked = await gradientsAt(base, points[0], tokens(queries));
    const exact = queries.map(() => new Float64Array(rows.count));
    for (const point of points) {
      const own = await gradientsAt(base, point, tokens([...examples, ...decoys]));
      addExactScores(exact, divided(own, asked, examples.length), meta.damping, point.weight);
    }
    const shares = (trained: Float64Array, others: Float64Array): Float64Array =>
      sharesOf(trained, noiseFloor(others, meta.floorQuantile), 1);
    const variations = asked.map((query, at) => {
      const stored = influenceScores(rows, examples.length, query);
      const paid = shares(stored.trained, stored.decoys);
      const truth = shares(exact[at].subarray(0, examples.length), exact[at].slice(examples.length));
      return paid.reduce((sum, share, i) => sum + Math.abs(share - truth[i]), 0) / 2;
    });
    bench.moved.set('rows of int8 beside floats', variations);
    return {
      [rounding.name]: {
        value: variations.reduce((sum, value) => sum + value, 0) / variations.length,
        low: Math.min(...variations),
        high: Math.max(...variations),
        details: { statements: examples.length, decoys: decoys.length, points: points.length },
      },
      [again.name]: { value: hashes[0] === hashes[1] ? 100 : 0 },
    };
  },
};

async function gradientsAt(
  base: BaseModel,
  { adapter, strength }: GradientPoint,
  examples: readonly TokenisedExample[],
): Promise<readonly Float32Array[]> {
  const model = createGradientModel({ ...loadAdaptedModel(base, adapter).gradientModel, strength });
  const vectors: Float32Array[] = [];
  await model.gradients(examples, (index, vector) => {
    vectors[index] = vector;
  });
  await model.release();
  return vectors;
}

interface PointVectors {
  readonly own: readonly Float32Array[];
  readonly asked: readonly Float32Array[];
  /** 1 / length of each asked gradient before the division. */
  readonly inverseLength: readonly number[];
  readonly trained: number;
}

/** All gradients divided by the diagonal curvature of the trained ones, in floats. */
function divided(
  own: readonly Float32Array[],
  asked: readonly Float32Array[],
  trained: number,
): PointVectors {
  const squares = new Float64Array(own[0].length);
  for (const vector of own.slice(0, trained)) {
    const power = dot(vector, vector);
    vector.forEach((value, k) => {
      squares[k] += (value * value) / power;
    });
  }
  const scale = coordinateScale(squares, defaultSettings.coordinateDamping);
  const by = (vector: Float32Array): Float32Array => vector.map((value, k) => value * scale[k]);
  const inverseLength = asked.map((vector) => inverseRoot(dot(vector, vector)));
  return { own: own.map(by), asked: asked.map(by), inverseLength, trained };
}

/** The formula of influence-rows.ts in its dual form, no rounding: added to `into`, [queries] of [examples + decoys]. */
function addExactScores(
  into: readonly Float64Array[],
  { own, asked, inverseLength: askedLength, trained }: PointVectors,
  damping: number,
  weight: number,
): void {
  const values = new Float64Array(own.length ** 2);
  for (const [i, a] of own.entries())
    for (let j = 0; j <= i; j++) values[i * own.length + j] = values[j * own.length + i] = dot(a, own[j]);
  const { gram, inverseLength } = unitGram({ trained, decoys: own.length - trained, values });
  const fisher = dualFisher(gram, damping);
  const leverage = [...fisher.trainedLeverage, ...fisher.decoyLeverage];
  asked.forEach((query, at) => {
    const products = Float64Array.from(
      own,
      (vector, i) => dot(vector, query) * inverseLength[i] * askedLength[at],
    );
    const scores = fisher.score({
      trained: products.subarray(0, trained),
      decoys: products.subarray(trained),
      self: 1,
    });
    [...scores.trained, ...scores.decoys].forEach((score, v) => {
      into[at][v] += weight * Math.sqrt(fisher.lambda / leverage[v]) * score;
    });
  });
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
