// `npm run bench -- serve`: the serving engine's speed and scale as ratios of one run on one machine, beside their
// goals. Why: to know whether many adapters in one batch really cost what the design says, and what a user of the most
// obvious peer on the same cores would get. The measures are in the *-measures.ts files; bench-run.ts runs them.
import { availableParallelism } from 'node:os';
import { usualThreads } from '../../engine/serve/serve-client.ts';
import { commonOptions, runBench } from './bench-run.ts';
import { engineMeasure } from './engine-measures.ts';
import { memoryMeasure } from './memory-measures.ts';
import { batchMeasure, equalityMeasure, singleMeasure } from './peer-measures.ts';
import { peerName } from './peer-package.ts';
import { rowMeasure } from './row-measures.ts';
import { createServeBench } from './serve-bench-context.ts';
import { trafficMeasure } from './traffic-measures.ts';

const help = `npm run bench -- serve [options]   speed and scale of serving, beside node-llama-cpp on the same weights

${commonOptions}
  --threads LIST  thread counts that either side may use, default 1,2; each side gets its faster one
  --record        keeps the figures: test/bench/results/serve.json and the tables in the documents (whole runs only)
  --list          names of the figures`;

/** @returns the exit code */
export async function serveBench(args: readonly string[]): Promise<number> {
  return await runBench(
    {
      name: 'serve',
      help,
      measures: [
        equalityMeasure,
        batchMeasure,
        singleMeasure,
        trafficMeasure,
        rowMeasure,
        memoryMeasure,
        engineMeasure,
      ],
      peer: peerName,
      threads: availableParallelism() > 1 ? [1, 2] : [1],
      describe: (threads) => ({
        threads: `steps at the faster of ${threads.join(' and ')} for each side, the whole engine at its usual ${usualThreads}`,
      }),
      create: createServeBench,
    },
    args,
  );
}
