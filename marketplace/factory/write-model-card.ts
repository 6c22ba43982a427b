// Writes the card of a judged candidate beside its adapter: README.md, and the loss curve of each phase that was trained
// as `curve-<method>.svg` and `.png`. Called once by end-run.ts, before the version's row is made; safe to repeat.
// It never keeps a version back: a card that cannot be written is an error in the log.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { getDatanetVersion } from '../../db/repositories/datanet-version-repository.ts';
import { listModelVersions } from '../../db/repositories/model-version-repository.ts';
import { chartPng } from '../../engine/train/chart-png.ts';
import { lossChart } from '../../engine/train/loss-chart.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { Judged } from './evaluate-candidate.ts';
import { type CardPhase, type CardSample, type ModelCardFacts, modelCard } from './model-card.ts';
import type { PhaseRecord } from './phase-record.ts';
import { phaseFolder, type RunPlan } from './run-plan.ts';
import type { Candidate } from './train-phases.ts';

/** Unselected samples on a card. */
const SAMPLES = 10;

export async function writeModelCard(market: MarketplaceContext, candidate: Candidate): Promise<void> {
  const { plan } = candidate;
  try {
    const card = modelCard(await cardFacts(market, candidate));
    await writeFile(join(plan.adapter.dir, 'README.md'), card);
  } catch (fault) {
    market.log.error({ err: fault, runId: plan.run.id }, 'the model card could not be written');
  }
}

async function cardFacts(
  market: MarketplaceContext,
  { plan, trained, judged, phases }: Candidate,
): Promise<ModelCardFacts> {
  const { db } = market;
  const { run, model, datanet, contributions, current } = plan;
  const datanetVersion = await getDatanetVersion(db, run.datanetVersionId);
  if (datanetVersion === undefined) throw new Error(`run ${run.id} has no datanet version`);
  // One run of a model at a time, so the next number is this version's.
  const [newest] = await listModelVersions(db, model.id);
  const written: CardPhase[] = [];
  for (const phase of phases) written.push(await withCurve(market, plan, phase));
  return {
    ...{ title: model.title, slug: model.slug, description: model.description },
    version: (newest?.number ?? 0) + 1,
    ...(current === undefined ? {} : { versionBefore: current.number }),
    ...(await baseModelOf(plan)),
    reason: judged.reason,
    data: {
      ...{ title: datanet.title, slug: datanet.slug, licence: datanet.licence },
      version: datanetVersion.number,
      merkleRoot: datanetVersion.merkleRoot,
      contributions: contributions.length,
      contributors: new Set(contributions.map(({ personId }) => personId)).size,
      licences: await licencesOf(market, plan),
    },
    recipe: [
      ...Object.entries(trained.recipe).map(([name, value]) => [name, settingText(value)] as const),
      ['tokens trained on', trained.trainedTokens.toLocaleString('en')],
      ['loss at the end', trained.finalLoss.toFixed(4)],
    ],
    phases: written,
    evaluation: judged.evaluation,
    samples: samplesOf(judged),
  };
}

/** Contributions by the licence that their contributors agreed to. */
async function licencesOf(
  { db }: MarketplaceContext,
  { datanet, contributions }: RunPlan,
): Promise<readonly (readonly [string, number])[]> {
  const consents = await db
    .selectFrom('consent')
    .select(['personId', 'licence'])
    .where('datanetId', '=', datanet.id)
    .execute();
  const agreed = new Map(consents.map(({ personId, licence }) => [personId, licence]));
  const counts = new Map<string, number>();
  for (const { personId } of contributions) {
    const licence = agreed.get(personId) ?? datanet.licence;
    counts.set(licence, (counts.get(licence) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

/** What the training left of a phase, as pictures beside the card. */
async function withCurve(
  { dataDir }: MarketplaceContext,
  plan: RunPlan,
  phase: PhaseRecord,
): Promise<CardPhase> {
  if (phase.trained === undefined) return phase;
  const record = await jsonFile(
    join(phaseFolder(dataDir, plan.run, phase.method).adapter.dir, 'training.json'),
  );
  const { losses, heldOut } = (record ?? {}) as { losses?: unknown; heldOut?: unknown };
  const training = Array.isArray(losses) ? losses.map((loss, i) => [i + 1, Number(loss)] as const) : [];
  if (!training.some(([, loss]) => Number.isFinite(loss))) return phase;
  const rows: readonly { step?: unknown; loss?: unknown }[] = Array.isArray(heldOut) ? heldOut : [];
  const svg = lossChart({
    title: `${plan.model.title}: loss by update (${phase.method})`,
    training,
    heldOut: rows.flatMap(({ step, loss }) =>
      typeof step === 'number' && typeof loss === 'number' ? [[step, loss] as const] : [],
    ),
    ...(phase.method === 'sft' ? {} : { yLabel: `loss (${phase.method})` }),
  });
  const curve = `curve-${phase.method}`;
  await writeFile(join(plan.adapter.dir, `${curve}.svg`), svg);
  await writeFile(join(plan.adapter.dir, `${curve}.png`), chartPng(svg));
  return { ...phase, steps: training.length, curve };
}

/** The first held-out questions by the hash of their text. */
function samplesOf({ exams }: Judged): readonly CardSample[] {
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  return exams.candidate.report.answers
    .map(({ question, expected, answer, correct }, i) => ({
      order: hash(question),
      sample: { question, expected, answer, correct, baseAnswer: exams.base.report.answers[i].answer },
    }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .slice(0, SAMPLES)
    .map(({ sample }) => sample);
}

/** Never a path of this machine. */
async function baseModelOf({ adapter }: RunPlan): Promise<Pick<ModelCardFacts, 'baseModel'>> {
  const config = await jsonFile(join(adapter.dir, 'adapter_config.json'));
  const name = config?.base_model_name_or_path;
  if (typeof name !== 'string' || name === '') return {};
  return {
    baseModel: name.startsWith('/') || name.includes('\\') ? basename(name.replaceAll('\\', '/')) : name,
  };
}

async function jsonFile(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readFile(path, 'utf8').catch((fault: NodeJS.ErrnoException) => {
    if (fault.code === 'ENOENT') return undefined;
    throw fault;
  });
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
}

function settingText(value: unknown): string {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.join(' ') : JSON.stringify(value);
}
