// How far an answer's shares move when something moves that should not matter: asked again by a process of its own loading, the
// noise floor set by either half of the decoys, and the version trained again from other first weights in another order.
// Listed by the attribution bench, which draws them. Total variation, what goes to nobody counted as one more share.
import { join } from 'node:path';
import { createAttributor } from '../../../engine/attribution/attribute.ts';
import { versionScores } from '../../../engine/attribution/audit/version-scores.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { noiseFloor, sharesOf } from '../../../engine/attribution/shares.ts';
import type { AdapterRef } from '../../../engine/engine.ts';
import { trainRun } from '../../../engine/train/train-run.ts';
import { runSchema } from '../../../engine/train/train-run-config.ts';
import type { FigureKind, Measured } from '../bench-figure.ts';
import type { AttributionMeasure } from './attribution-bench-context.ts';
import { type Subject, subjectRecipe } from './leave-out-subject.ts';

const kinds = {
  again: {
    name: 'stability-again',
    measure: 'shares when asked again with everything loaded anew: total variation, mean over answers',
    unit: '',
    goal: { atMost: 0 },
  },
  floor: {
    name: 'stability-floor',
    measure: '… with the noise floor from either half of the decoys',
    unit: '',
  },
  retrained: {
    name: 'stability-retrained',
    measure: '… after another training, from other first weights in another order',
    unit: '',
  },
} as const satisfies Record<string, FigureKind>;

export const stabilityMeasure: AttributionMeasure = {
  figures: Object.values(kinds),
  run: async (bench) => {
    const subject = await bench.subject();
    const [{ shares: before }] = await bench.methods();
    if (before === undefined) throw new Error('bug: the method that pays has shares');
    const variations = (after: readonly ArrayLike<number>[]): readonly number[] =>
      after.map((shares, query) => totalVariation(shares, before[query]));
    const again = variations(await sharesBy(subject, subject.adapter, subject.storeDir));
    const floor = await floorVariations(subject);
    bench.say('  trained again from other first weights');
    const other = await trainedAgain(subject, join(bench.folder, 'again'));
    const retrained = variations(await sharesBy(subject, other.adapter, other.storeDir));
    bench.moved.set('asked again', again);
    bench.moved.set('floor from half of the decoys', floor);
    bench.moved.set('trained again', retrained);
    return {
      [kinds.again.name]: figureOf(again),
      [kinds.floor.name]: figureOf(floor),
      [kinds.retrained.name]: figureOf(retrained),
    };
  },
};

async function sharesBy({ facts, modelDir }: Subject, adapter: AdapterRef, storeDir: string) {
  const attributor = createAttributor({ modelDir, threads: 1, storeBytesMax: 2 ** 31 });
  try {
    const { statements: examples, queries } = facts;
    return (await versionScores(attributor, { adapter, storeDir, examples, queries })).shares;
  } finally {
    await attributor.release();
  }
}

async function floorVariations({ facts, modelDir, adapter, storeDir }: Subject): Promise<readonly number[]> {
  const attributor = createAttributor({ modelDir, threads: 1, storeBytesMax: 2 ** 31 });
  const variations: number[] = [];
  try {
    for (const { question, answer } of facts.queries) {
      const messages = [{ role: 'user', content: question }] as const;
      const found = await attributor.explain({ adapter, storeDir, messages, answer });
      if (found === undefined) throw new Error('bug: an answer without words');
      const { scores, store, alpha } = found;
      const [one, two] = [0, 1].map((half) => {
        const decoys = scores.decoys.filter((_, at) => at % 2 === half);
        return sharesOf(scores.trained, noiseFloor(decoys, store.meta.floorQuantile), alpha);
      });
      variations.push(totalVariation(one, two));
    }
    return variations;
  } finally {
    await attributor.release();
  }
}

async function trainedAgain({ facts, modelDir, seed }: Subject, folder: string) {
  const { statements: examples, decoys } = facts;
  const adapter = { id: 'again', dir: join(folder, 'adapter') };
  const data = join(folder, '../subject/statements.jsonl');
  const recipe = { ...subjectRecipe(examples.length), seed: seed + 1000, checkpoints: 4 };
  await trainRun(runSchema('sft').parse({ base: modelDir, data, out: adapter.dir, recipe }), () => undefined);
  const storeDir = join(folder, 'store');
  await buildGradientStore({ modelDir, adapter, storeDir, examples, decoys });
  return { adapter, storeDir };
}

/** Half of what differs, what goes to nobody as one more share. */
function totalVariation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [apart, sumA, sumB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    apart += Math.abs(a[i] - b[i]);
    sumA += a[i];
    sumB += b[i];
  }
  return (apart + Math.abs(sumA - sumB)) / 2;
}

function figureOf(variations: readonly number[]): Measured {
  const value = variations.reduce((sum, one) => sum + one, 0) / variations.length;
  return { value, low: Math.min(...variations), high: Math.max(...variations) };
}
