// `npm run eval -- --model DIR [--adapter DIR] [--against DIR] --data FILE`: how well a base model, an adapter on it and
// another version answer the same questions, and whether they keep silent where they should. Used by people, and to fill
// cards. Exit codes: 0 done, 1 failed, 2 wrong command.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { AdapterRef, EvalReport } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { type WeightFormat, weightFormats } from '../model/weight-format.ts';
import { createLocalEngine } from '../serve/local-engine.ts';
import { bootstrapRounds } from './bootstrap.ts';
import { askCanaries, type CanaryReport } from './canaries.ts';
import { compareModels, type ModelRole } from './compare-models.ts';
import { type HeldOutItem, readExamples, readHeldOut, spread, withAnswers } from './eval-data.ts';
import { canaryLines, comparisonLines, evalRows, groupLines } from './eval-table.ts';
import { roleNames } from './eval-words.ts';

const help = `npm run eval -- --model DIR [--adapter DIR] [--against DIR] --data FILE [options]

Asks questions of a base model, of an adapter on it (the candidate) and of another version (the current one), and tells
how much they get right, with 95 % intervals and the paired differences between them.

  --model DIR      Hugging Face folder of the base model
  --adapter DIR    LoRA adapter in PEFT format; without it only the base is asked
  --against DIR    adapter to compare it with, such as the version that answers now
  --data FILE      JSONL: {question, expected, answer?, kind?, seenTemplate?}; right = the answer says the expected
                   phrase (engine/train/answer-match.ts), answer = a whole answer for overlap and loss
  --heldout FILE   the same
  --answers FILE   JSONL: {id, question, answer}: the whole answers of questions that name a contributionId
  --loss           also the loss of the whole (or expected) answers, nats per token; about twice the work
  --canaries       also the fixed checks of what a model should not say (engine/train/canary-set.jsonl); needs no --data
  --bootstrap N    resamples of the intervals, 100 to 100000 (default ${bootstrapRounds})
  --limit N        N questions spread over the file (default: all)
  --threads N      compute threads (default 1)
  --weights W      ${weightFormats.join(', ')} (default int8, as served)
  --wrong          print the wrong answers of the adapter (of the base without one)
  --json           one JSON line

examples
  npm run eval -- --model engine/base --data questions.jsonl
  npm run eval -- --model engine/base --adapter out/v2 --against out/v1 --data questions.jsonl --loss --canaries`;

/** The command line is wrong: exit code 2. */
class UsageError extends Error {}

interface Wish {
  readonly model: string;
  readonly adapter?: string;
  readonly against?: string;
  readonly data?: string;
  readonly answers?: string;
  readonly loss: boolean;
  readonly canaries: boolean;
  readonly rounds: number;
  readonly limit: number;
  readonly threads: number;
  readonly weights: WeightFormat;
  readonly wrong: boolean;
  readonly json: boolean;
}

async function main(): Promise<number> {
  const wish = readWish();
  if (wish === 'help') {
    console.log(help);
    return 0;
  }
  const asked = wish.data === undefined ? [] : spread(readHeldOut(wish.data), wish.limit);
  const items = wish.answers === undefined ? asked : withAnswers(asked, readExamples(wish.answers));
  if (wish.data !== undefined && items.length === 0)
    throw new EngineError(`${wish.data} has no questions`, { code: 'examples_malformed', retry: 'never' });
  const engine = await createLocalEngine({
    ...{ baseDir: wish.model, threads: wish.threads, weights: wish.weights },
  });
  try {
    const reports: Partial<Record<ModelRole, EvalReport>> = {};
    const canaries: Partial<Record<ModelRole, CanaryReport>> = {};
    for (const [role, adapter] of modelsOf(wish)) {
      if (items.length > 0)
        reports[role] = await engine.evaluate({ adapter, items, withLoss: wish.loss }, showProgress(role));
      if (wish.canaries)
        canaries[role] = await askCanaries((job, tell) => engine.evaluate(job, tell), adapter);
    }
    if (wish.wrong) printWrong(reports.candidate ?? reports.base);
    print(wish, items, reports, canaries);
    return 0;
  } finally {
    await engine.close();
  }
}

function print(
  { rounds, json }: Wish,
  items: readonly HeldOutItem[],
  reports: Readonly<Partial<Record<ModelRole, EvalReport>>>,
  canaries: Readonly<Partial<Record<ModelRole, CanaryReport>>>,
): void {
  const rows = evalRows(items, reports, rounds);
  const comparison = compareModels(reports, rounds);
  if (json) {
    console.log(JSON.stringify({ heldout: items.length, rows, comparison, canaries }));
    return;
  }
  const parts = [
    items.length === 0 ? [] : comparisonLines(comparison),
    groupLines(rows),
    canaryLines(canaries),
  ];
  console.log(
    parts
      .filter((part) => part.length > 0)
      .map((part) => part.join('\n'))
      .join('\n\n'),
  );
}

function modelsOf({ adapter, against }: Wish): readonly (readonly [ModelRole, AdapterRef | undefined])[] {
  return [
    ['base', undefined],
    ...(adapter === undefined ? [] : [['candidate', { id: 'candidate', dir: adapter }] as const]),
    ...(against === undefined ? [] : [['current', { id: 'current', dir: against }] as const]),
  ];
}

/** @throws UsageError */
function readWish(): Wish | 'help' {
  const values = parsedArguments();
  if (values.help) return 'help';
  const { model, adapter, against, data, heldout } = values;
  if (model === undefined) throw new UsageError('expected --model DIR');
  if (data !== undefined && heldout !== undefined && data !== heldout)
    throw new UsageError('--data and --heldout are the same thing; give one of them');
  if (data === undefined && heldout === undefined && !values.canaries)
    throw new UsageError('expected --data FILE, --canaries, or both');
  if (data === undefined && heldout === undefined && (values.loss || values.answers !== undefined))
    throw new UsageError('--loss and --answers are about the questions of --data FILE, which is missing');
  if (against !== undefined && adapter === undefined)
    throw new UsageError('--against DIR compares with --adapter DIR, which is missing');
  for (const [name, dir] of Object.entries({ adapter, against }))
    if (dir !== undefined && !existsSync(join(dir, 'adapter_config.json')))
      throw new UsageError(`--${name} ${dir}: no adapter_config.json there`);
  const weights = weightFormats.find((format) => format === (values.weights ?? 'int8'));
  if (weights === undefined)
    throw new UsageError(`--weights is ${values.weights}, expected ${weightFormats.join(', ')}`);
  return {
    ...{ model, adapter, against, weights, data: data ?? heldout, answers: values.answers },
    loss: values.loss === true,
    canaries: values.canaries === true,
    rounds: wholeNumber('bootstrap', values.bootstrap, bootstrapRounds, 100, 100_000),
    limit: wholeNumber('limit', values.limit, Number.POSITIVE_INFINITY, 1),
    threads: wholeNumber('threads', values.threads, 1, 1, 1024),
    wrong: values.wrong === true,
    json: values.json === true,
  };
}

function parsedArguments() {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      options: {
        ...{
          model: text,
          adapter: text,
          against: text,
          data: text,
          heldout: text,
          answers: text,
          bootstrap: text,
        },
        ...{ limit: text, threads: text, weights: text },
        ...{ loss: flag, canaries: flag, wrong: flag, json: flag, help: flag },
      },
    }).values;
  } catch (fault) {
    throw new UsageError(fault instanceof Error ? fault.message : String(fault));
  }
}

function wholeNumber(
  name: string,
  given: string | undefined,
  usual: number,
  least: number,
  most = Infinity,
): number {
  if (given === undefined) return usual;
  const value = Number(given);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const range = most === Infinity ? `${least} or more` : `${least} to ${most}`;
  throw new UsageError(`--${name} is ${given}, expected a whole number, ${range}`);
}

function printWrong(report: EvalReport | undefined): void {
  for (const { question, expected, answer, correct } of report?.answers ?? [])
    if (!correct) console.error(`${question}  expected: ${expected}  said: ${answer}`);
}

function showProgress(role: ModelRole): (done: number, total: number) => void {
  return (done, total) => {
    const line = `${roleNames[role]}: ${done} of ${total} done`;
    if (process.stderr.isTTY) process.stderr.write(`\r${line}${done === total ? '\n' : ''}`);
    else if (done % 200 === 0) process.stderr.write(`${line}\n`);
  };
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof UsageError) console.error('npm run eval -- --help tells all options');
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
