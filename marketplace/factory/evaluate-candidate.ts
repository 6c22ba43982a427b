// Judges a trained candidate: the same held-out questions and canaries to the candidate, to the version that answers now,
// and to the base without any adapter. Used by train-phases.ts. `evaluation` is stored with the model version; the exams
// themselves go to the model card. The phases of one run share the exams of base and current version.
import type { AdapterRef, EvalReport } from '../../engine/engine.ts';
import { askCanaries, type CanaryReport } from '../../engine/train/canaries.ts';
import { compareModels, type ModelComparison, type ModelRole } from '../../engine/train/compare-models.ts';
import { adapterOf } from '../listings/adapter-of.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type EvalItems, newHeldOut, oldHeldOut, withoutRetracted } from './held-out.ts';
import { lossComparison, publishVerdict, type Score, scoreOf, type Verdict } from './publish-rule.ts';
import type { RunPlan } from './run-plan.ts';

/** What one model answered. */
export interface Exam {
  readonly report: EvalReport;
  readonly canaries: CanaryReport;
}

export interface Evaluation {
  readonly adapter: Score;
  readonly base: Score;
  readonly before: Score;
  readonly old: Score;
  readonly new: Score;
  /** Figures with intervals. */
  readonly comparison: ModelComparison;
  readonly canaries: Readonly<Partial<Record<ModelRole, StoredCanaries>>>;
}

export interface StoredCanaries {
  readonly total: number;
  readonly passed: number;
  readonly failed: readonly { readonly id: string; readonly why: string }[];
}

export interface Judged extends Verdict {
  readonly evaluation: Evaluation;
  readonly exams: { readonly base: Exam; readonly candidate: Exam; readonly current?: Exam };
}

interface Opponents {
  readonly old: EvalItems;
  readonly fresh: EvalItems;
  readonly base: Exam;
  readonly current: Exam | undefined;
}

const opponents = new WeakMap<RunPlan['run'], Promise<Opponents>>();

/** @throws what the engine throws, and the abort of `market.stopping` between two exams */
export async function evaluateCandidate(market: MarketplaceContext, plan: RunPlan): Promise<Judged> {
  const { old, fresh, base, current } = await opponentsOf(market, plan);
  const candidate = await examine(market, plan.adapter, [...old, ...fresh]);
  const before = current ?? base;
  const comparison = compareModels({
    base: base.report,
    candidate: candidate.report,
    current: current?.report,
  });
  const verdict = publishVerdict({
    candidateOld: scoreOf(candidate.report, 0, old.length),
    candidateNew: scoreOf(candidate.report, old.length),
    currentOld: scoreOf(before.report, 0, old.length),
    currentNew: scoreOf(before.report, old.length),
    loss: lossComparison(comparison),
    canaries: { candidate: candidate.canaries, opponent: before.canaries },
  });
  return {
    ...verdict,
    evaluation: {
      adapter: scoreOf(candidate.report),
      base: scoreOf(base.report),
      before: scoreOf(before.report),
      old: scoreOf(candidate.report, 0, old.length),
      new: scoreOf(candidate.report, old.length),
      comparison,
      canaries: {
        base: stored(base.canaries),
        candidate: stored(candidate.canaries),
        ...(current === undefined ? {} : { current: stored(current.canaries) }),
      },
    },
    exams: { base, candidate, ...(current === undefined ? {} : { current }) },
  };
}

/** Questions, and the answers of base and current version, asked once in a run. */
async function opponentsOf(market: MarketplaceContext, plan: RunPlan): Promise<Opponents> {
  const known = opponents.get(plan.run);
  if (known !== undefined) return await known;
  const asked = askOpponents(market, plan);
  opponents.set(plan.run, asked);
  asked.catch(() => opponents.delete(plan.run)); // the next try asks again
  return await asked;
}

async function askOpponents(market: MarketplaceContext, plan: RunPlan): Promise<Opponents> {
  const shipped = await oldHeldOut(market.demoDir, plan.datanet.slug);
  const old = withoutRetracted(shipped, await retractedAnswers(market, plan));
  const fresh = newHeldOut(plan.fresh);
  const items = [...old, ...fresh];
  const current = plan.current === undefined ? undefined : adapterOf(market, plan.current);
  return {
    ...{ old, fresh },
    base: await examine(market, undefined, items),
    current: current === undefined ? undefined : await examine(market, current, items),
  };
}

/** Answers that only retracted contributions state. */
async function retractedAnswers(
  { db }: MarketplaceContext,
  { datanet, contributions }: RunPlan,
): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('contribution')
    .select('answer')
    .where('datanetId', '=', datanet.id)
    .where('state', '=', 'retracted')
    .execute();
  const stated = new Set(contributions.map(({ answer }) => answer));
  return new Set(rows.map(({ answer }) => answer).filter((answer) => !stated.has(answer)));
}

async function examine(
  { engine, stopping }: MarketplaceContext,
  adapter: AdapterRef | undefined,
  items: EvalItems,
): Promise<Exam> {
  stopping.throwIfAborted();
  const report =
    items.length === 0
      ? { total: 0, correct: 0, answers: [] }
      : await engine.evaluate({ adapter, items, withLoss: true });
  stopping.throwIfAborted();
  return { report, canaries: await askCanaries((job) => engine.evaluate(job), adapter) };
}

function stored({ total, passed, failed }: CanaryReport): StoredCanaries {
  return { total, passed, failed: failed.map(({ id, why }) => ({ id, why })) };
}
