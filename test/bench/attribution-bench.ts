// `npm run bench -- attribution`: is attribution right? A model learns planted facts, is retrained on parts of them, and what
// attribution had said of each answer is compared with what happened, beside every baseline on the same runs; then speed,
// copies, junk and crafted data. Why: shares decide who is paid, and nobody else publishes whether theirs are true.
// The measures are in the files named after them; bench-run.ts runs them. Seeded; under 30 minutes on two cores.
import {
  type AttributionBench,
  type AttributionMeasure,
  createAttributionBench,
} from './attribution/attribution-bench-context.ts';
import { chartsMeasure } from './attribution/charts-measure.ts';
import { clusterMeasure } from './attribution/cluster-measure.ts';
import { costMeasure } from './attribution/cost-measure.ts';
import { craftedMeasure, duplicateMeasure, junkMeasure } from './attribution/gaming-measures.ts';
import { ldsMeasure } from './attribution/lds-measure.ts';
import { plantedMeasure } from './attribution/planted-measure.ts';
import { retrievalMeasure } from './attribution/retrieval-measure.ts';
import { sanityMeasure } from './attribution/sanity-measure.ts';
import { scanMeasure } from './attribution/scan-measure.ts';
import { smoothnessMeasure } from './attribution/smoothness-measure.ts';
import { spansMeasure } from './attribution/spans-measure.ts';
import { stabilityMeasure } from './attribution/stability-measure.ts';
import { storeMeasure } from './attribution/store-measure.ts';
import { commonOptions, runBench } from './bench-run.ts';

/** In the order of the table. Times come first: what is measured later leaves a large heap to tidy up. */
const measures: readonly AttributionMeasure[] = [
  costMeasure,
  scanMeasure,
  spansMeasure,
  ldsMeasure,
  plantedMeasure,
  sanityMeasure,
  smoothnessMeasure,
  duplicateMeasure,
  junkMeasure,
  craftedMeasure,
  clusterMeasure,
  storeMeasure,
  stabilityMeasure,
  retrievalMeasure,
  chartsMeasure,
];

const help = `npm run bench -- attribution [options]   whether attribution is right, and what it costs

${commonOptions}
  --record        keeps the figures: test/bench/results/attribution.json and the tables in the documents (whole runs only)
  --list          names of the figures`;

/** @returns the exit code */
export async function attributionBench(args: readonly string[]): Promise<number> {
  return await runBench<AttributionBench & { readonly remove: () => void }>(
    {
      name: 'attribution',
      help,
      measures,
      peer: 'none',
      threads: [1],
      describe: () => ({
        subject: 'the shipped base, facts planted by 40 contributors, two retrainings side by side',
      }),
      create: createAttributionBench,
    },
    args,
  );
}
