// `npm run bench -- ledger`: the money path's speed as ratios of one run on one machine, beside their goals. Why: to know that
// a call with all its postings costs little more than the commit it needs, that a model everybody asks is no bottleneck, and
// that it stays so. The measures are in the files named after them; bench-run.ts runs them.
import { commonOptions, runBench } from './bench-run.ts';
import { epochMeasure } from './epoch-measure.ts';
import { gasMeasure } from './gas-measure.ts';
import { createLedgerBench, type LedgerBench, type LedgerMeasure } from './ledger-bench-context.ts';
import { fullTableMeasure } from './ledger-full-measure.ts';
import { hotModelMeasure, microBatchMeasure, postingMeasure } from './ledger-measures.ts';

/** In the order of the table. */
const measures: readonly LedgerMeasure[] = [
  postingMeasure,
  hotModelMeasure,
  microBatchMeasure,
  fullTableMeasure,
  epochMeasure,
  gasMeasure,
];

const help = `npm run bench -- ledger [options]   speed of the money path on the embedded PostgreSQL

${commonOptions}
  --record        keeps the figures: test/bench/results/ledger.json and the tables in the documents (whole runs only)
  --list          names of the figures`;

/** @returns the exit code */
export async function ledgerBench(args: readonly string[]): Promise<number> {
  let removed: () => Promise<void> = async () => undefined;
  const code = await runBench<LedgerBench & { readonly remove: () => void }>(
    {
      name: 'ledger',
      help,
      measures,
      peer: 'none',
      threads: [1],
      describe: () => ({ database: 'embedded PostgreSQL 18, synced to the disk, on the same cores' }),
      create(options) {
        const bench = createLedgerBench(options);
        removed = bench.removed;
        return bench;
      },
    },
    args,
  );
  await removed();
  return code;
}
