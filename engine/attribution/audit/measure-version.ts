// The audit of one model version: it is retrained on halves of its groups and without single groups, with its own recipe in
// its own order, and what attribution had predicted of each question is compared with what happened. Used by audit-main.ts
// (a child process) and the tests. It knows texts and opaque ids; no people, no money.
// Invariants: the same job gives the same report; a stopped audit goes on from its working folder; the adapter that pays is
// never touched. Beside the method that pays stand the baselines of attribution-method.ts, on the same runs.
import { join } from 'node:path';
import type { AuditJob, AuditReport } from '../../audit-job.ts';
import { EngineError } from '../../errors.ts';
import { recipeSchema } from '../../train/train-recipe.ts';
import { createAttributor } from '../attribute.ts';
import { compareMethods } from '../compare-methods.ts';
import { auditFigures, type MeasuredRun } from './audit-figures.ts';
import { leaveOutRuns } from './leave-out-runs.ts';
import { randomSubsets, type Subset, weightsWithout, withoutEachGroup } from './leave-out-subsets.ts';
import { trainedRows } from './trained-rows.ts';
import { versionRecipe } from './version-recipe.ts';
import { type VersionScores, versionScores } from './version-scores.ts';

export interface VersionAuditJob extends AuditJob {
  /** Folder of the base model. */
  readonly modelDir: string;
  readonly threads?: number;
}

const storeBytesMax = 2 ** 30;

/**
 * @param onProgress retrainings done; it may wait for others
 * @throws EngineError `audit_empty` without queries or with fewer than 2 groups, `audit_cancelled` after the signal, or of
 *   loading, training and attributing
 */
export async function measureVersion(
  job: VersionAuditJob,
  onProgress: (done: number, total: number) => void | Promise<void> = () => undefined,
  signal?: AbortSignal,
): Promise<AuditReport> {
  const { examples, queries, seed, modelDir, threads = 1 } = job;
  const groups = examples.map(({ groupId }) => groupId);
  const plan = subsetsOf(job, groups);
  if (queries.length === 0 || plan.groups < 2)
    throw new EngineError(`${queries.length} questions and ${plan.groups} groups are too few to audit`, {
      code: 'audit_empty',
      retry: 'never',
    });
  const own = versionRecipe(job.adapter.dir, job.recipe);
  const recipe = recipeSchema('sft').parse(own.recipe);
  const kept = plan.halves.slice(0, job.adaptersKept ?? 0).map(({ id }) => id);
  const adapters = join(job.workDir, 'adapters');
  const trained = trainedRows(
    job.adapter.dir,
    examples.map(({ groupId: _, ...example }) => example),
    own.method,
  );
  const runs = await leaveOutRuns(
    {
      ...{ modelDir, threads, recipe: own.recipe, seed: recipe.seed, stopAfter: own.stopAfter },
      examples: trained.rows,
      queries: queries.map(({ question, answer }) => ({ question, answer })),
      subsets: [full, ...plan.halves, ...plan.alone].map((subset) => {
        const weights = trained.weightsWithout(subset.leftOut);
        const plain = weightsWithout(trained.rows.length, subset.leftOut);
        return weights.some((weight, at) => weight !== plain[at])
          ? { ...subset, weights: [...weights] }
          : subset;
      }),
      file: join(job.workDir, 'runs.jsonl'),
      keep: { dir: adapters, ids: kept },
    },
    (done) => onProgress(Math.max(0, done - 1), plan.halves.length + plan.alone.length),
    signal,
  );
  try {
    signal?.throwIfAborted();
    const paid = await paidScores(job);
    const measured = new Map(runs.map((run) => [run.id, run]));
    const of = (subsets: readonly Subset[]): readonly MeasuredRun[] =>
      subsets.flatMap(({ id }) => measured.get(id) ?? []);
    const place = new Map(examples.map(({ id }, at) => [id, at]));
    const inputs = {
      halves: of(plan.halves),
      alone: of(plan.alone),
      fullLosses: of([full])[0]?.losses ?? [],
      gold: queries.map(({ goldIds = [] }) => goldIds.flatMap((id) => place.get(id) ?? [])),
    };
    const figures = auditFigures({ ...inputs, scores: paid.scores, shares: paid.shares, named: paid.named });
    const { adapter } = job;
    const others = await compareMethods({ modelDir, adapter, examples, queries, threads });
    return {
      figures,
      methods: [
        { id: paid.methodId, figures },
        ...others.map(({ id, scores }) => ({ id, figures: auditFigures({ ...inputs, scores }) })),
      ],
      methodId: paid.methodId,
      storeHash: paid.storeHash,
      queries: queries.length,
      goldQueries: inputs.gold.filter((ids) => ids.length > 0).length,
      groups: plan.groups,
      subsets: plan.halves.map(({ id, leftOut }) => {
        const gone = new Set(leftOut.map((at) => groups[at]));
        const keptGroupIds = [...new Set(groups)].filter((group) => !gone.has(group));
        return { keptGroupIds, ...(kept.includes(id) ? { adapterDir: join(adapters, id) } : {}) };
      }),
      loco: plan.alone.length,
      recipe: {
        ...{ ...recipe, targets: recipe.targets.join(' ') },
        ...(own.stopAfter === undefined ? {} : { stopAfter: own.stopAfter }),
        ...(own.method === 'sft' ? {} : { versionTrainedBy: own.method }),
      },
      seed,
    };
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new EngineError('the audit was stopped; the same job goes on from its working folder', {
      code: 'audit_cancelled',
      retry: 'safe',
    });
  }
}

/** Its store is given back before the other methods take their memory. */
async function paidScores(job: VersionAuditJob): Promise<VersionScores> {
  const attributor = createAttributor({ modelDir: job.modelDir, threads: job.threads ?? 1, storeBytesMax });
  try {
    return await versionScores(attributor, job);
  } finally {
    await attributor.release();
  }
}

const full: Subset = { id: 'full', leftOut: [] };

function subsetsOf({ subsets: count, loco, seed, examples }: AuditJob, groups: readonly string[]) {
  const alone = withoutEachGroup(groups);
  return {
    groups: alone.length,
    halves: randomSubsets(examples.length, { name: 'half', count, seed, kept: 0.5, groups }),
    alone: alone.slice(0, loco).map(({ id, leftOut }) => ({ id, leftOut })),
  };
}
