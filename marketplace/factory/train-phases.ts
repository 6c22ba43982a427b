// Trains the phases of a run and keeps the best adapter: first from the accepted contributions (sft), then, where people's
// feedback is enough, from corrections (dpo) and votes (kto), each going on from the best so far. A phase from feedback
// replaces it only if it answers no fewer of the held-out questions. Used by train-version.ts. Safe to repeat: a phase that
// was trained is not trained again, one that was interrupted goes on from the engine's checkpoint in its folder.
import { getTrainingRun } from '../../db/repositories/training-run-repository.ts';
import { trainingExamples } from '../../engine/attribution/training-examples.ts';
import type { TrainJob } from '../../engine/engine.ts';
import { pairsMissing, readPreferences, votesMissing } from '../feedback/read-preferences.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { waitForDatabase } from '../wait-for-database.ts';
import { evaluateCandidate, type Judged } from './evaluate-candidate.ts';
import { moveRun } from './move-run.ts';
import {
  type FinishedTraining,
  type PhaseData,
  type PhaseRecord,
  phasesOf,
  savePhases,
} from './phase-record.ts';
import { progressReporter } from './progress-reporter.ts';
import { exampleOf, phaseFolder, type RunPlan } from './run-plan.ts';
import { stoppingSet } from './stopping-set.ts';

export interface Candidate {
  /** With the adapter of the phase that won. */
  readonly plan: RunPlan;
  readonly trained: FinishedTraining;
  readonly judged: Judged;
  readonly phases: readonly PhaseRecord[];
}

/** What a phase learns from. */
interface Phase {
  readonly method: PhaseRecord['method'];
  readonly data: PhaseData;
  readonly job: Pick<TrainJob, 'examples' | 'pairs' | 'ratings' | 'startFrom' | 'recipe'>;
  /** Why it is left out; null when it is due. */
  readonly missing: string | null;
}

export async function trainPhases(market: MarketplaceContext, plan: RunPlan): Promise<Candidate> {
  const [first, ...fromFeedback] = await phasesDue(market, plan);
  const log = await phaseLog(market, plan);
  let best = await trainAndJudge(market, plan, first, log);
  log.set({ ...best.record, outcome: 'kept', reason: best.judged.reason });
  for (const phase of fromFeedback) {
    if (phase.missing !== null) {
      await log.save({ ...phase, outcome: 'left_out', reason: `Left out: ${phase.missing}.` });
      continue;
    }
    const job = { ...phase.job, startFrom: best.plan.adapter };
    const next = await trainAndJudge(market, phasePlan(market, plan, phase), { ...phase, job }, log);
    const kept = right(next.judged) >= right(best.judged);
    const figures = `${right(next.judged)} of ${next.judged.evaluation.adapter.total} held-out questions right, before ${right(best.judged)}`;
    await log.save({
      ...next.record,
      outcome: kept ? 'kept' : 'dropped',
      reason: kept ? `Kept: ${figures}.` : `Not kept: ${figures}.`,
    });
    if (kept) best = next;
  }
  await log.flush();
  return { plan: best.plan, trained: best.trained, judged: best.judged, phases: log.all() };
}

const right = ({ evaluation }: Judged): number => evaluation.adapter.correct;

async function phasesDue(market: MarketplaceContext, plan: RunPlan): Promise<readonly [Phase, ...Phase[]]> {
  const { run, contributions } = plan;
  const preferences = await readPreferences(market, run);
  const { pairs, ratings, pairPeople, ratingPeople } = preferences;
  const up = ratings.filter((rating) => rating.good).length;
  const givers = new Set(contributions.map((contribution) => contribution.personId)).size;
  return [
    {
      method: 'sft',
      data: { examples: contributions.length, people: givers },
      job: { examples: trainingExamples(contributions.map(exampleOf)), recipe: { checkpoints: 4 } }, // attribution reads them
      missing: null,
    },
    {
      method: 'dpo',
      data: { pairs: pairs.length, people: pairPeople },
      job: { examples: [], pairs },
      missing: pairsMissing(preferences, market.settings),
    },
    {
      method: 'kto',
      data: { up, down: ratings.length - up, people: ratingPeople },
      job: { examples: [], ratings },
      missing: votesMissing(preferences, market.settings),
    },
  ];
}

function phasePlan({ dataDir }: MarketplaceContext, plan: RunPlan, { method }: Phase): RunPlan {
  return { ...plan, ...phaseFolder(dataDir, plan.run, method) };
}

interface Trained {
  readonly plan: RunPlan;
  readonly trained: FinishedTraining;
  readonly judged: Judged;
  readonly record: Pick<PhaseRecord, 'method' | 'data' | 'trained'>;
}

async function trainAndJudge(
  market: MarketplaceContext,
  plan: RunPlan,
  phase: Phase,
  log: PhaseLog,
): Promise<Trained> {
  const { run } = plan;
  const { method, data } = phase;
  let trained = log.of(method)?.trained;
  if (trained === undefined) {
    await moveRun(market, run.id, 'running', `training: ${method}`);
    trained = await train(market, plan, phase);
    await log.save({ method, data, trained, outcome: 'trained', reason: 'Trained, not judged yet.' });
  }
  await moveRun(market, run.id, 'evaluating', `trained: ${method}`);
  const judged = await evaluateCandidate(market, plan);
  return { plan, trained, judged, record: { method, data, trained } };
}

async function train(
  market: MarketplaceContext,
  plan: RunPlan,
  { method, job }: Phase,
): Promise<FinishedTraining> {
  const { trainSeed: seed, trainMemoryMb: memoryMb, trainMinutes: minutes } = market.settings;
  const report = progressReporter(market, plan, method);
  const heldOut = await stoppingSet(market.demoDir, plan.datanet.slug);
  const result = await market.engine.train(
    {
      ...job,
      ...{ method, outDir: plan.adapter.dir, seed },
      ...(heldOut.length > 0 ? { heldOut } : {}),
      ...(memoryMb === undefined && minutes === undefined ? {} : { limits: { memoryMb, minutes } }),
    },
    report.tell,
    market.stopping,
  );
  await report.flush();
  const { recipe, finalLoss, trainedTokens } = result;
  return { recipe, finalLoss, trainedTokens };
}

type PhaseLog = Awaited<ReturnType<typeof phaseLog>>;

/** The run's phases so far, and their saving. */
async function phaseLog(market: MarketplaceContext, { run }: RunPlan) {
  const now = await getTrainingRun(market.db, run.id);
  const records = new Map((now === undefined ? [] : phasesOf(now)).map((record) => [record.method, record]));
  const flush = () => waitForDatabase(market, () => savePhases(market.db, run.id, [...records.values()]));
  const set = ({ method, outcome, reason, data, trained }: PhaseRecord): void => {
    records.set(method, { method, outcome, reason, data, ...(trained === undefined ? {} : { trained }) });
  };
  return {
    of: (method: PhaseRecord['method']) => records.get(method),
    all: () => [...records.values()],
    set,
    flush,
    async save(record: PhaseRecord): Promise<void> {
      set(record);
      await flush();
    },
  };
}
