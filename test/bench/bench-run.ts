// Runs the measures of a bench: options, machine, one measure after another, the table, the JSON lines, the record and
// the verdict. Used by the benches. It measures nothing. Exit codes: 0 all goals that were measured are met, 1 one is
// missed or a measure failed, 2 wrong command.
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import {
  type Figure,
  type FigureKind,
  figureJson,
  figureTable,
  type Measured,
  roundedFigure,
  verdictOf,
} from './bench-figure.ts';
import { keepRecord } from './bench-record.ts';

/** A group of figures that come from the same runs. */
export interface MeasureOf<Context> {
  readonly figures: readonly FigureKind[];
  /** Keyed by the name of the figure. */
  readonly run: (
    context: Context,
  ) => Promise<Readonly<Record<string, Measured | { readonly missing: string }>>>;
}

/** What every bench's context has. */
interface BenchContext {
  readonly say: (line: string) => void;
  readonly remove: () => void;
}

interface BenchToRun<Context extends BenchContext> {
  readonly name: string;
  readonly help: string;
  readonly measures: readonly MeasureOf<Context>[];
  /** Added to `threads`, or further facts of the machine. */
  readonly describe: (threads: readonly number[]) => Readonly<Record<string, string>>;
  /** Named in the versions beside our runtime. */
  readonly peer: string;
  readonly threads: readonly number[];
  readonly create: (options: {
    /** Fewer repetitions: for trying the bench, not for figures. */
    readonly quick: boolean;
    readonly threads: readonly number[];
    readonly say: (line: string) => void;
  }) => Context;
}

/** The options that every bench has, for its help. */
export const commonOptions = `  --only NAME     only figures whose name begins with NAME (again and again for several)
  --quick         few repetitions: tries the bench, gives no figures to quote
  --json FILE     also writes machine, versions and figures into FILE`;

/** @returns the exit code */
export async function runBench<Context extends BenchContext>(
  bench: BenchToRun<Context>,
  args: readonly string[],
): Promise<number> {
  const { name, measures } = bench;
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
    console.log(bench.help);
    return 0;
  }
  if (values.list) {
    console.log(measures.flatMap(({ figures }) => figures.map((figure) => figure.name)).join('\n'));
    return 0;
  }
  const wanted = (figure: string): boolean => values.only?.some((start) => figure.startsWith(start)) ?? true;
  const chosen = measures.filter(({ figures }) => figures.some((figure) => wanted(figure.name)));
  const threads = values.threads?.split(',').map(Number) ?? bench.threads;
  if (chosen.length === 0 || threads.some((count) => !(Number.isInteger(count) && count > 0))) {
    console.error('nothing to measure; see --help');
    return 2;
  }

  const startedAt = Date.now();
  const machine = { ...describeMachine(bench.peer), ...bench.describe(threads), load: loadNow() };
  for (const [fact, value] of Object.entries(machine)) console.log(`${fact}: ${value}`);
  const context = bench.create({ quick: values.quick, threads, say: (line) => console.error(line) });
  const figures: Figure[] = [];
  try {
    for (const measure of chosen) {
      context.say(`measuring ${measure.figures.map((figure) => figure.name).join(', ')} …`);
      const began = performance.now();
      figures.push(...(await figuresOf(measure, context)).filter((figure) => wanted(figure.name)));
      context.say(`  measured in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    }
  } finally {
    context.remove();
  }
  console.log(`\n${figureTable(figures)}\n`);
  for (const figure of figures) console.log(figureJson(name, figure));
  const load = `load average ${machine.load} at the start, ${loadNow()} at the end`;
  const record = { machine: { ...machine, load }, figures: figures.map(roundedFigure) };
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(record, null, 2)}\n`);
  if (values.record) {
    if (values.quick || figures.length < measures.flatMap((measure) => measure.figures).length)
      throw new Error('only a whole run is recorded: without --quick and --only');
    console.log(`recorded in ${keepRecord(name, record).join(', ')}`);
  }
  return conclude(figures, Date.now() - startedAt);
}

/** Runs a measure; what goes wrong makes its figures missing, with the reason. */
async function figuresOf<Context>(measure: MeasureOf<Context>, context: Context): Promise<readonly Figure[]> {
  const allMissing = (missing: string) =>
    Object.fromEntries(measure.figures.map(({ name }) => [name, { missing }]));
  const values = await measure
    .run(context)
    .catch((error: unknown) =>
      allMissing(`failed: ${error instanceof Error ? error.message : String(error)}`),
    );
  return measure.figures.map((kind) => ({ ...kind, ...(values[kind.name] ?? { missing: 'bug: no value' }) }));
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

function describeMachine(peer: string): Readonly<Record<string, string>> {
  const [cpu] = cpus();
  return {
    machine: `${cpu?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`,
    versions: `Node ${process.versions.node}, onnxruntime-node ${packageJson.dependencies['onnxruntime-node']}, peer ${peer}`,
  };
}
