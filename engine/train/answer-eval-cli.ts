// `npm run eval -- --model DIR [--adapter DIR] --heldout FILE`: right answers to held-out questions, of the base alone
// and with the adapter. Used by people, and to fill the model's card. Exit codes: 0 done, 1 failed, 2 wrong command.
import { parseArgs } from 'node:util';
import { weightFormats } from '../model/weight-format.ts';
import { createLocalEngine } from '../serve/local-engine.ts';
import { bootstrapMean } from './bootstrap.ts';
import { type HeldOutItem, readHeldOut, spread } from './eval-data.ts';

const help = `npm run eval -- --model DIR [--adapter DIR] --heldout FILE [options]   answers questions and counts the right ones

  --model DIR      Hugging Face folder of the base model
  --adapter DIR    LoRA adapter in PEFT format; without it only the base is asked
  --heldout FILE   JSONL: {question, expected, seenTemplate?}; right = the answer says the expected phrase, see
                   engine/train/answer-match.ts
  --limit N        N questions spread over the file (default: all)
  --threads N      compute threads (default 1)
  --weights W      int8, int4 or f32 (default int8, as served)
  --wrong          print the wrong answers of the adapter (of the base without one)
  --json           one JSON line`;

interface Row {
  readonly model: 'base' | 'adapter';
  readonly questions: 'all' | 'seen phrasing' | 'unseen phrasing';
  readonly total: number;
  readonly correct: number;
  /** 95 % bootstrap interval of the part that is right, over questions. */
  readonly low: number;
  readonly high: number;
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: {
      model: text,
      adapter: text,
      heldout: text,
      limit: text,
      threads: text,
      weights: text,
      wrong: flag,
      json: flag,
      help: flag,
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  if (values.model === undefined || values.heldout === undefined) {
    console.error('expected --model DIR and --heldout FILE; see --help');
    return 2;
  }
  const items = spread(readHeldOut(values.heldout), Number(values.limit ?? Number.POSITIVE_INFINITY));
  const weights = weightFormats.find((format) => format === (values.weights ?? 'int8'));
  if (weights === undefined) {
    console.error(`--weights is ${values.weights}, expected ${weightFormats.join(', ')}`);
    return 2;
  }
  const threads = Number(values.threads ?? 1);
  const engine = await createLocalEngine({ baseDir: values.model, threads, weights });
  try {
    const adapters = [undefined, ...(values.adapter ? [{ id: 'adapter', dir: values.adapter }] : [])];
    const rows: Row[] = [];
    for (const adapter of adapters) {
      const model = adapter ? 'adapter' : 'base';
      const { answers } = await engine.evaluate({ adapter, items }, (done, total) =>
        showProgress(model, done, total),
      );
      rows.push(
        ...rowsOf(
          model,
          items,
          answers.map(({ correct }) => correct),
        ),
      );
      if (values.wrong && adapter === adapters.at(-1))
        for (const { question, expected, answer, correct } of answers)
          if (!correct) console.error(`${question}  expected: ${expected}  said: ${answer}`);
    }
    if (values.json) console.log(JSON.stringify({ heldout: items.length, rows }));
    else printRows(rows);
    return 0;
  } finally {
    await engine.close();
  }
}

function rowsOf(
  model: Row['model'],
  items: readonly HeldOutItem[],
  correct: readonly boolean[],
): readonly Row[] {
  const row = (questions: Row['questions'], keep: (item: HeldOutItem) => boolean): readonly Row[] => {
    const values = correct.filter((_, i) => keep(items[i])).map(Number);
    if (values.length === 0) return [];
    const { low, high } = bootstrapMean(values);
    return [{ model, questions, total: values.length, correct: values.filter(Boolean).length, low, high }];
  };
  return [
    ...row('all', () => true),
    ...row('seen phrasing', ({ seenTemplate }) => seenTemplate === true),
    ...row('unseen phrasing', ({ seenTemplate }) => seenTemplate === false),
  ];
}

function printRows(rows: readonly Row[]): void {
  const percent = (part: number): string => `${(100 * part).toFixed(1)} %`.padStart(7);
  console.log('model    questions        right          part   95 % interval');
  for (const { model, questions, correct, total, low, high } of rows) {
    const count = `${correct} of ${total}`.padEnd(12);
    console.log(
      `${model.padEnd(8)} ${questions.padEnd(16)} ${count} ${percent(correct / total)}   ${percent(low)} – ${percent(high)}`,
    );
  }
}

function showProgress(model: string, done: number, total: number): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\r${model}: ${done} of ${total} answered${done === total ? '\n' : ''}`);
  else if (done % 200 === 0) process.stderr.write(`${model}: ${done} of ${total} answered\n`);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
