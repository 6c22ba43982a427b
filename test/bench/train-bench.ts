// `npm run bench -- train`: training's speed and memory as ratios of one run on one machine, beside their goals. Why: to
// know how near the graphs come to what the runtime can do at all, what a fine-tuning step costs in forward passes, and
// what somebody gets who trains in JavaScript by the most obvious other way. The measures are in the *-measure.ts files;
// bench-run.ts runs them.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { commonOptions, runBench } from './bench-run.ts';
import { besideTrainingMeasure } from './beside-training-measure.ts';
import { fullStepMeasure } from './full-step-measure.ts';
import { jaxName } from './jax-package.ts';
import { jaxStepMeasure } from './jax-step-measure.ts';
import { loraStepMeasure } from './lora-step-measure.ts';
import { stepMemoryMeasure } from './step-memory-measure.ts';
import type { TrainBench } from './train-bench-context.ts';
import { trainRatesMeasure } from './train-rates-measure.ts';

const help = `npm run bench -- train [options]   speed and memory of training, beside the runtime's own peak and @jax-js/jax

${commonOptions}
  --threads LIST  thread counts of the full step and of whole runs: the last one counts (default: 2, or 1 on one core)
  --record        keeps the figures: test/bench/results/train.json and the tables in the documents (whole runs only)
  --list          names of the figures`;

/** @returns the exit code */
export async function trainBench(args: readonly string[]): Promise<number> {
  return await runBench<TrainBench & { readonly remove: () => void }>(
    {
      name: 'train',
      help,
      measures: [
        fullStepMeasure,
        loraStepMeasure,
        jaxStepMeasure,
        stepMemoryMeasure,
        besideTrainingMeasure,
        trainRatesMeasure,
      ],
      peer: jaxName,
      threads: [Math.min(2, availableParallelism())],
      describe: (threads) => ({
        threads: `full step, whole runs and the runtime's peak with ${threads.at(-1)}, all else with 1`,
      }),
      create: (options) => {
        const folder = mkdtempSync(join(tmpdir(), 'train-bench-'));
        const threads = options.threads.at(-1) ?? 1;
        return {
          ...options,
          threads,
          folder,
          remove: () => rmSync(folder, { recursive: true, force: true }),
        };
      },
    },
    args,
  );
}
