// `npm run bench -- NAME [options]`: the benchmarks by name. Used by people and by CI. Each bench prints a table for
// people and a JSON line for each figure, and its exit code says whether the goals were met.
import { attributionBench } from './attribution-bench.ts';
import { deviceBench } from './device-bench.ts';
import { ledgerBench } from './ledger-bench.ts';
import { serveBench } from './serve-bench.ts';
import { trainBench } from './train-bench.ts';

interface Bench {
  readonly name: string;
  readonly about: string;
  /** @returns the exit code */
  readonly run: (args: readonly string[]) => Promise<number>;
}

const benches: readonly Bench[] = [
  {
    name: 'serve',
    about: 'speed and scale of serving, beside a peer (npm run bench -- serve --help)',
    run: serveBench,
  },
  {
    name: 'train',
    about: 'speed and memory of training (npm run bench -- train --help)',
    run: trainBench,
  },
  {
    name: 'ledger',
    about: 'speed of the money path (npm run bench -- ledger --help)',
    run: ledgerBench,
  },
  {
    name: 'attribution',
    about: 'whether attribution is right (npm run bench -- attribution --help)',
    run: attributionBench,
  },
  {
    name: 'device',
    about: 'a GPU beside the CPU (npm run bench -- device)',
    run: deviceBench,
  },
];

const [name, ...args] = process.argv.slice(2);
const bench = benches.find((candidate) => candidate.name === name);
if (bench === undefined) {
  console.log('npm run bench -- NAME [options]\n');
  for (const { name: known, about } of benches) console.log(`  ${known.padEnd(12)} ${about}`);
  process.exitCode = name === undefined || name === '--help' ? 0 : 2;
} else {
  try {
    process.exitCode = await bench.run(args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
