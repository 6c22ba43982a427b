// `npm run bench -- serve`: the serving engine's speed and scale as ratios of one run on one machine, beside their
// goals. Why: to know whether many adapters in one batch really cost what the design says, and what a user of the most
// obvious peer on the same cores would get. The measures are in the *-measures.ts files; this one runs and prints them.
// Exit codes: 0 all goals that were measured are met, 1 one is missed or a measure failed, 2 wrong command.
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { usualThreads } from '../../engine/serve/serve-client.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { type Figure, figureJson, figureTable, roundedFigure, verdictOf } from './bench-figure.ts';
import { keepRecord } from './bench-record.ts';
import { engineMeasure } from './engine-measures.ts';
import { memoryMeasure } from './memory-measures.ts';
import { batchMeasure, equalityMeasure, singleMeasure } from './peer-measures.ts';
import { peerName } from './peer-package.ts';
import { rowMeasure } from './row-measures.ts';
import { createServeBench, figuresOf, type Measure } from './serve-bench-context.ts';
import { trafficMeasure } from './traffic-measures.ts';

const help = `npm run bench -- serve [options]   speed and scale of serving, beside node-llama-cpp on the same weights

  --only NAME     only figures whose name begins with NAME (again and again for several)
  --quick         few repetitions: tries the bench, gives no figures to quote
  --threads LIST  thread counts that either side may use, default 1,2; each side gets its faster one
  --json FILE     also writes machine, versions and figures into FILE
  --record        keeps the figures: test/bench/results/serve.json and the tables in the documents (whole runs only)
  --list          names of the figures`;

const measures: readonly Measure[] = [
  equalityMeasure,
  batchMeasure,
  singleMeasure,
  trafficMeasure,
  rowMeasure,
  memoryMeasure,
  engineMeasure,
];

export async function serveBench(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      threads: { type: 'string' },
      json: { type: 'string' },
      record: { type: 'boolean', default: false },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  if (values.list) {
    console.log(measures.flatMap(({ figures }) => figures.map(({ name }) => name)).join('\n'));
    return 0;
  }
  const wanted = (name: string): boolean => values.only?.some((start) => name.startsWith(start)) ?? true;
  const chosen = measures.filter(({ figures }) => figures.some(({ name }) => wanted(name)));
  const threads = values.threads?.split(',').map(Number) ?? (availableParallelism() > 1 ? [1, 2] : [1]);
  if (chosen.length === 0 || threads.some((count) => !(Number.isInteger(count) && count > 0))) {
    console.error('nothing to measure; see --help');
    return 2;
  }

  const startedAt = Date.now();
  const machine = describeMachine(threads);
  for (const [name, value] of Object.entries(machine)) console.log(`${name}: ${value}`);
  const bench = createServeBench({ quick: values.quick, threads, say: (line) => console.error(line) });
  const figures: Figure[] = [];
  try {
    for (const measure of chosen) {
      bench.say(`measuring ${measure.figures.map(({ name }) => name).join(', ')} …`);
      figures.push(...(await figuresOf(measure, bench)).filter(({ name }) => wanted(name)));
    }
  } finally {
    bench.remove();
  }
  console.log(`\n${figureTable(figures)}\n`);
  for (const figure of figures) console.log(figureJson('serve', figure));
  const load = `load average ${machine.load} at the start, ${loadNow()} at the end`;
  const record = { machine: { ...machine, load }, figures: figures.map(roundedFigure) };
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(record, null, 2)}\n`);
  if (values.record) {
    if (values.quick || figures.length < measures.flatMap((measure) => measure.figures).length)
      throw new Error('only a whole run is recorded: without --quick and --only');
    console.log(`recorded in ${keepRecord('serve', record).join(', ')}`);
  }
  return conclude(figures, Date.now() - startedAt);
}

function conclude(figures: readonly Figure[], tookMs: number): number {
  const verdicts = figures.map(verdictOf);
  const count = (verdict: ReturnType<typeof verdictOf>): number =>
    verdicts.filter((one) => one === verdict).length;
  const broken = figures.some((figure) => 'missing' in figure && figure.missing.startsWith('failed'));
  console.log(
    `${count('pass')} goals met, ${count('FAIL')} missed, ${count('not measured')} not measured, in ${Math.round(tookMs / 1000)} s`,
  );
  return count('FAIL') > 0 || broken ? 1 : 0;
}

/** Of the last minute: how many programs wanted a core. */
function loadNow(): string {
  return loadavg()[0].toFixed(1);
}

function describeMachine(threads: readonly number[]): Readonly<Record<string, string>> {
  const [cpu] = cpus();
  return {
    machine: `${cpu?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`,
    versions: `Node ${process.versions.node}, onnxruntime-node ${packageJson.dependencies['onnxruntime-node']}, peer ${peerName}`,
    threads: `steps at the faster of ${threads.join(' and ')} for each side, the whole engine at its usual ${usualThreads}`,
    load: loadNow(),
  };
}
