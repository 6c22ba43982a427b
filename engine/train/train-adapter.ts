// Trains one adapter from examples in a low-priority child process: the engine's `train`. Used by
// serve/local-engine.ts. It knows no people: an example's id is opaque. What it leaves in the job's folder: the
// PEFT files, training.json and examples.jsonl (what was trained on, in the order given).
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TrainedAdapter, TrainJob, TrainProgress } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { type LoraRun, loraRecipeSchema } from './lora-recipe.ts';
import { runTrainProcess } from './train-process.ts';

/**
 * @param base Hugging Face folder of the base model.
 * @throws EngineError `training_empty`, `recipe_malformed`, `training_cancelled` (the same job goes on from its
 *   checkpoint), or the child's code.
 */
export async function trainAdapter(
  base: string,
  job: TrainJob,
  onProgress: (progress: TrainProgress) => void,
  signal?: AbortSignal,
): Promise<TrainedAdapter> {
  if (job.examples.length === 0) {
    throw new EngineError('no examples to train on', { code: 'training_empty', retry: 'never' });
  }
  const recipe = loraRecipeSchema.safeParse({ ...job.recipe, seed: job.seed });
  if (!recipe.success) {
    throw new EngineError(recipe.error.message, { code: 'recipe_malformed', retry: 'never' });
  }
  mkdirSync(job.outDir, { recursive: true });
  const data = join(job.outDir, 'examples.jsonl');
  writeFileSync(data, job.examples.map((example) => `${JSON.stringify(example)}\n`).join(''));
  const run: LoraRun = {
    ...{ base, data, out: job.outDir, recipe: recipe.data },
    ...{ threads: 1, logEvery: 1, checkpointEvery: 0, resumeEvery: 50 },
  };
  const last = await runTrainProcess(
    'sft',
    run,
    (event) => {
      if (event.type !== 'progress') return;
      const { step, steps, loss, tokensPerSecond, etaSeconds } = event;
      onProgress({ step, steps, loss, tokensPerSecond, etaMs: etaSeconds * 1000 });
    },
    signal,
  );
  if (last.type === 'stopped') {
    throw new EngineError(`training stopped at update ${last.step}`, {
      code: 'training_cancelled',
      retry: 'safe',
    });
  }
  const { targets, ...numbers } = recipe.data;
  return {
    adapter: { id: basename(job.outDir), dir: job.outDir },
    recipe: { ...numbers, targets: targets.join(' ') },
    finalLoss: last.finalLoss,
    trainedTokens: last.tokens,
  };
}
