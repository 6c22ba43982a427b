// Which damping a version's store gets, by measurement at publication: the version is retrained a few times on random halves
// of its examples, and the damping whose scores agree best with what became of the examples' own answers is taken. Used by
// the store builder where it is asked to. It trains with the version's own recipe and keeps nothing but the figures.
// The criterion: over the retrainings, Pearson of summed scores with the answer's log-likelihood, mean over up to 100
// examples. Their own words are asked about, as no other questions are known for certain; the audit looks at others.
// A damping replaces the default only where it is better by more than `worthwhile`: on the shipped data all from 0.03 to 1
// agree within 0.004 (16 halves), so small differences are chance. Invariant: the same job chooses the same.
import type { Example } from '../engine.ts';
import { randomSubsets, weightsWithout } from './audit/leave-out-subsets.ts';
import { createLeaveOutTrainer } from './audit/leave-out-trainer.ts';
import { correlation } from './audit/rank-correlation.ts';
import { versionRecipe } from './audit/version-recipe.ts';
import { dualFisher, type GramMatrix } from './dual-fisher.ts';
import { unitGram } from './unit-gram.ts';

interface DampingChoice {
  readonly damping: number;
  readonly tried: readonly { readonly damping: number; readonly agreement: number }[];
}

interface DampingJob {
  readonly modelDir: string;
  readonly adapterDir: string;
  /** One of each cluster, in the order of `gram`. */
  readonly examples: readonly Example[];
  /** Of their gradients where answers are asked about, divided as influence-rows.ts divides them. */
  readonly gram: GramMatrix;
  /** At least 3: two points always lie on a line. */
  readonly retrainings: number;
  readonly seed: number;
  /** Taken where none is clearly better. */
  readonly fallback: number;
  readonly threads?: number;
}

const candidates = [0.05, 0.1, 0.2, 0.5, 1, 2] as const;
const worthwhile = 0.01;
const askedMax = 100;

/** @throws EngineError of loading the base and of training */
export async function chooseDamping(job: DampingJob): Promise<DampingChoice> {
  const { examples, fallback } = job;
  const asked = spreadIndices(examples.length, askedMax);
  const runs = await retrainedRuns(job, asked);
  const tried = [...new Set([fallback, ...candidates])]
    .sort((a, b) => a - b)
    .map((damping) => ({ damping, agreement: agreementOf(job.gram, damping, asked, runs) }));
  return { damping: bestDamping(tried, fallback), tried };
}

/** The best one where it is worthwhile, else the fallback. */
export function bestDamping(
  tried: readonly { readonly damping: number; readonly agreement: number }[],
  fallback: number,
): number {
  const usual = tried.find(({ damping }) => damping === fallback)?.agreement ?? Number.NEGATIVE_INFINITY;
  const best = tried.reduce((a, b) => (b.agreement > a.agreement ? b : a));
  return best.agreement > usual + worthwhile ? best.damping : fallback;
}

export interface HalfRun {
  /** [examples] 1 = was trained on. */
  readonly weights: Float64Array;
  /** [asked] mean nats per answer token. */
  readonly losses: Float64Array;
}

async function retrainedRuns(job: DampingJob, asked: readonly number[]): Promise<readonly HalfRun[]> {
  const { modelDir, adapterDir, examples, retrainings, seed, threads } = job;
  const { recipe, stopAfter } = versionRecipe(adapterDir);
  const trainer = createLeaveOutTrainer({
    ...{ modelDir, examples, recipe, stopAfter, threads },
    seed: typeof recipe.seed === 'number' ? recipe.seed : 1,
  });
  try {
    const runs: HalfRun[] = [];
    const halves = randomSubsets(examples.length, { name: 'damping', count: retrainings, seed, kept: 0.5 });
    for (const { leftOut } of halves) {
      const weights = weightsWithout(examples.length, leftOut);
      await trainer.train(weights);
      runs.push({ weights, losses: await trainer.losses(asked.map((at) => examples[at])) });
    }
    return runs;
  } finally {
    await trainer.release();
  }
}

/** Mean over the asked examples of the correlation over runs; 0 where none varies. */
export function agreementOf(
  gram: GramMatrix,
  damping: number,
  asked: readonly number[],
  runs: readonly HalfRun[],
): number {
  const { trained } = gram;
  const { gram: unit } = unitGram(gram);
  const size = trained + gram.decoys;
  const fisher = dualFisher(unit, damping);
  const agreements = asked.flatMap((own, at) => {
    const row = unit.values.subarray(own * size, (own + 1) * size);
    const products = { trained: row.slice(0, trained), decoys: row.slice(trained), self: 1 };
    const scores = fisher
      .score(products)
      .trained.map((score, i) => score / Math.sqrt(fisher.trainedLeverage[i] || 1));
    const predicted = runs.map(({ weights }) =>
      weights.reduce((sum, weight, i) => sum + weight * scores[i], 0),
    );
    return (
      correlation(
        predicted,
        runs.map(({ losses }) => -losses[at]),
      ) ?? []
    );
  });
  return agreements.length === 0 ? 0 : agreements.reduce((sum, value) => sum + value, 0) / agreements.length;
}

/** At most so many places, evenly spread over [0, count). */
export function spreadIndices(count: number, most: number): readonly number[] {
  const size = Math.min(count, most);
  return Array.from({ length: size }, (_, i) => Math.floor((i * count) / size));
}
