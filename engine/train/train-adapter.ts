// Trains one adapter in a low-priority child process: the engine's `train`. Used by serve/local-engine.ts. It knows no
// people: ids are opaque. What it leaves in the job's folder: the PEFT files, training.json and the data files (what was
// trained on, in the order given). Rows that cannot be used are left out and named in training.json.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TrainedAdapter, TrainJob, TrainMethod, TrainProgress } from '../engine.ts';
import { EngineError } from '../errors.ts';
import type { DeviceWish } from '../serve/choose-device.ts';
import type { StepAside } from './step-aside.ts';
import { runTrainProcess } from './train-process.ts';
import type { LoraRecipe } from './train-recipe.ts';
import { runSchema, type TrainRun } from './train-run-config.ts';

/**
 * @param base Hugging Face folder of the base model.
 * @param aside whom it makes way for
 * @param device what computes; a GPU that is asked for and cannot be used is a fault of the child
 * @throws EngineError `training_empty`, `recipe_malformed`, `training_too_large`, `training_diverged`,
 *   `training_cancelled` (the same job goes on from its checkpoint), or the child's other codes.
 */
export async function trainAdapter(
  base: string,
  job: TrainJob,
  onProgress: (progress: TrainProgress) => void,
  signal?: AbortSignal,
  device: DeviceWish = 'cpu',
  aside?: StepAside,
): Promise<TrainedAdapter> {
  const method = job.method ?? 'sft';
  const rows = rowsOf(job, method);
  if (rows.length === 0)
    throw new EngineError(`no ${rowNames[method]} to train on`, { code: 'training_empty', retry: 'never' });
  const run = runOf(base, job, method, device);
  mkdirSync(job.outDir, { recursive: true });
  writeRows(run.data, rows);
  const heldOut = run.heldOut ?? run.heldOutAnswers;
  if (heldOut !== undefined) writeRows(heldOut, job.heldOut ?? []);
  const last = await runTrainProcess(
    method,
    run,
    (event) => {
      if (event.type !== 'progress') return;
      const { step, steps, loss, heldOutLoss, learningRate, metrics, tokensPerSecond, etaSeconds } = event;
      const optional = { ...(heldOutLoss === undefined ? {} : { heldOutLoss }), ...(metrics && { metrics }) };
      onProgress({
        ...{ step, steps, loss, learningRate, tokensPerSecond },
        ...{ etaMs: etaSeconds * 1000, ...optional },
      });
    },
    signal,
    aside,
  );
  if (last.type === 'stopped') {
    throw new EngineError(`training stopped at update ${last.step}`, {
      code: 'training_cancelled',
      retry: 'safe',
    });
  }
  // As it was used: rank, alpha and targets are those of `startFrom` where there is one.
  const record = JSON.parse(readFileSync(join(job.outDir, 'training.json'), 'utf8'));
  const { method: _, targets, ...values }: LoraRecipe & { readonly method: string } = record.recipe;
  const { finalLoss, tokens: trainedTokens, endedBy, heldOutLoss, metrics } = last;
  return {
    adapter: { id: basename(job.outDir), dir: job.outDir },
    method,
    recipe: { ...values, targets: targets.join(' ') },
    ...{ finalLoss, trainedTokens, endedBy, heldOutLoss, metrics },
  };
}

const rowNames: Readonly<Record<TrainMethod, string>> = {
  ...{ sft: 'examples', dpo: 'pairs', orpo: 'pairs', kto: 'ratings' },
};

function rowsOf({ examples, pairs = [], ratings = [] }: TrainJob, method: TrainMethod): readonly unknown[] {
  if (method === 'sft') return examples;
  return method === 'kto' ? ratings : pairs;
}

function writeRows(path: string, rows: readonly unknown[]): void {
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

/** @throws EngineError `recipe_malformed` naming the field */
function runOf(base: string, job: TrainJob, method: TrainMethod, device: DeviceWish): TrainRun<TrainMethod> {
  const { outDir: out, startFrom, limits, heldOut = [] } = job;
  const heldOutField = method === 'sft' ? 'heldOut' : 'heldOutAnswers';
  const checked = runSchema(method).safeParse({
    ...{ method, base, out, device, data: join(out, `${rowNames[method]}.jsonl`), onBadRow: 'skip' },
    ...(heldOut.length > 0 ? { [heldOutField]: join(out, 'held-out.jsonl') } : {}),
    ...(startFrom === undefined ? {} : { startFrom: startFrom.dir }),
    ...{ memoryMb: limits?.memoryMb, minutes: limits?.minutes },
    recipe: { ...job.recipe, seed: job.seed },
  });
  if (checked.success) return checked.data;
  const issues = checked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new EngineError(issues.join('; '), { code: 'recipe_malformed', retry: 'never' });
}
