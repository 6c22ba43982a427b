// The loss curve of a training run as a picture, phase by phase: chats show the PNG, the live page the SVG. Used by
// create-marketplace.ts. Reads only; drawing happens when a picture is asked for.
import { getModel } from '../../db/repositories/model-repository.ts';
import { trainingPoints } from '../../db/repositories/training-point-repository.ts';
import { getTrainingRun } from '../../db/repositories/training-run-repository.ts';
import type { TrainingPoint } from '../../db/schema.ts';
import { chartPng } from '../../engine/train/chart-png.ts';
import { lossChart } from '../../engine/train/loss-chart.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { TrainingChart, TrainingMethod } from '../training-views.ts';

const TITLES: Readonly<Record<TrainingMethod, string>> = {
  sft: 'contributions',
  dpo: 'corrections',
  orpo: 'corrections',
  kto: 'votes',
};

/** Null when there is no such run or fewer than two points to draw a line through. */
export async function drawTraining(
  { db }: Pick<MarketplaceContext, 'db'>,
  runId: string,
  method?: TrainingMethod,
): Promise<TrainingChart | null> {
  const run = await getTrainingRun(db, runId);
  const model = run === undefined ? undefined : await getModel(db, run.modelId);
  if (model === undefined) return null;
  const all = await trainingPoints(db, runId);
  const phase = method ?? all.at(-1)?.phase;
  const points = all.filter((point) => point.phase === phase);
  const last = points.at(-1);
  if (phase === undefined || last === undefined || points.length < 2) return null;
  const title = `${model.title}: training on ${TITLES[phase]}`;
  const svg = () => svgOf(title, phase, points);
  return {
    caption: `${title}, step ${last.step}, loss ${last.loss.toFixed(3)}`,
    svg,
    png: () => chartPng(svg()),
  };
}

function svgOf(title: string, phase: TrainingMethod, points: readonly TrainingPoint[]): string {
  const heldOut = points.flatMap(({ step, heldOutLoss }) =>
    heldOutLoss === null ? [] : [[step, heldOutLoss] as const],
  );
  return lossChart({
    title,
    training: points.map(({ step, loss }) => [step, loss] as const),
    heldOut,
    ...(phase === 'sft' ? {} : { yLabel: `loss (${phase})` }),
  });
}
