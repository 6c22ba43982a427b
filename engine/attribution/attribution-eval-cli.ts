// `npm run attribution-eval -- --model DIR --adapter DIR --data FILE --heldout FILE --decoys FILE`: does attribution point
// to the contribution that states the fact? Used by people, and to fill the model's card.
// Exit codes: 0 done, 1 failed, 2 wrong command.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { AdapterRef } from '../engine.ts';
import { createLocalEngine } from '../serve/local-engine.ts';
import { greedyAnswer } from '../train/answer-eval.ts';
import { type HeldOutItem, readExamples, readHeldOut, spread } from '../train/eval-data.ts';
import { createAttributor } from './attribute.ts';
import { type AttributionFigures, type EvalQuery, evaluateAttribution } from './attribution-eval.ts';
import { type AttributionSettings, defaultSettings } from './attribution-settings.ts';
import { buildGradientStore } from './build-store.ts';

const help = `npm run attribution-eval -- --model DIR --adapter DIR --data FILE --heldout FILE --decoys FILE [options]

Asks the model held-out questions and looks whom attribution names for its own answers.

  --data FILE       contributions that trained the adapter, JSONL: {id, question, answer}
  --heldout FILE    JSONL: {question, expected, contributionId}; contributionId states the fact, and where several do,
                    contributionIds are all of them
  --decoys FILE     facts of the same kind that nobody contributed, JSONL: {id, question, answer}
  --limit N         N questions spread over the file (default 200)
  --given-answers   attribute the contribution's answer in place of the model's own
  --damping C --strength S --floor Q   other settings than the standard ones, to compare
  --threads N       compute threads (default 1)
  --json            one JSON line`;

interface Options {
  readonly modelDir: string;
  readonly adapter: AdapterRef;
  readonly data: string;
  readonly heldout: string;
  readonly decoys: string;
  readonly limit: number;
  readonly givenAnswers: boolean;
  readonly settings: AttributionSettings;
  readonly threads: number;
  readonly json: boolean;
}

function optionsOf(args: readonly string[]): Options | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ model: text, adapter: text, data: text, heldout: text, decoys: text, limit: text, threads: text },
      ...{ damping: text, strength: text, floor: text, json: flag, 'given-answers': flag },
    },
  });
  const { model, adapter, data, heldout, decoys } = values;
  if (!model || !adapter || !data || !heldout || !decoys) return undefined;
  return {
    modelDir: model,
    adapter: { id: 'adapter', dir: adapter },
    ...{ data, heldout, decoys },
    limit: Number(values.limit ?? 200),
    givenAnswers: values['given-answers'] === true,
    settings: {
      ...defaultSettings,
      damping: Number(values.damping ?? defaultSettings.damping),
      strength: Number(values.strength ?? defaultSettings.strength),
      floorQuantile: Number(values.floor ?? defaultSettings.floorQuantile),
    },
    threads: Number(values.threads ?? 1),
    json: values.json === true,
  };
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(help);
    return 0;
  }
  const options = optionsOf(args);
  if (options === undefined) {
    console.error('expected --model, --adapter, --data, --heldout and --decoys; see --help');
    return 2;
  }
  const { modelDir, adapter, settings, threads } = options;
  const examples = readExamples(options.data);
  const decoys = readExamples(options.decoys);
  const heldout = readHeldOut(options.heldout).filter(({ contributionId }) =>
    examples.some(({ id }) => id === contributionId),
  );
  const queries = await answered(options, spread(heldout, options.limit), examples);
  const scratch = mkdtempSync(join(tmpdir(), 'attribution-eval-'));
  const storeDir = join(scratch, 'store');
  const attributor = createAttributor({ modelDir, threads, storeBytesMax: 0 });
  try {
    const job = { modelDir, adapter, storeDir, examples, decoys, settings, threads };
    const storeHash = await buildGradientStore(job, progress('gradients'));
    const phrases = new Map(
      heldout.flatMap(({ contributionId = '', contributionIds = [contributionId], expected }) =>
        contributionIds.map((id) => [id, expected] as const),
      ),
    );
    const evaluation = { attributor, adapter, storeDir, examples, decoys, queries, phrases };
    const figures = await evaluateAttribution(evaluation, progress('attributed'));
    if (options.json)
      console.log(JSON.stringify({ storeHash, settings, examples: examples.length, ...figures }));
    else print(figures, examples.length);
    return 0;
  } finally {
    await attributor.release();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The questions with the answers to attribute: the model's own, or the contributions'. */
async function answered(
  { modelDir, adapter, threads, givenAnswers }: Options,
  items: readonly HeldOutItem[],
  examples: ReturnType<typeof readExamples>,
): Promise<readonly EvalQuery[]> {
  const queries = items.map(({ question, expected, contributionId = '', contributionIds }) => {
    const stated = examples.find(({ id }) => id === contributionId)?.answer ?? '';
    return { question, expected, goldIds: contributionIds ?? [contributionId], answer: stated };
  });
  if (givenAnswers) return queries;
  const engine = await createLocalEngine({ baseDir: modelDir, threads });
  try {
    const report = progress('answered');
    const own: EvalQuery[] = [];
    for (const query of queries) {
      own.push({ ...query, answer: await greedyAnswer(engine.generate, query.question, adapter) });
      report(own.length, queries.length);
    }
    return own;
  } finally {
    await engine.close();
  }
}

function print(figures: AttributionFigures, examples: number): void {
  const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
  console.log(
    `Whom attribution names among ${examples} contributions. all, right: the one that states the fact asked for;`,
  );
  console.log('wrong: one that states what a wrong answer says in its place.');
  console.log('answers  queries  method                  top 1    top 3    mean reciprocal rank');
  const names = {
    shares: 'ours, as paid',
    scores: 'ours, without the floor',
    'TF-IDF': 'TF-IDF',
    random: 'random',
  };
  for (const { answers, queries, method, top1, top3, mrr } of figures.rows) {
    const cells = [answers.padEnd(8), String(queries).padStart(7), ` ${names[method].padEnd(23)}`];
    console.log(...cells, percent(top1).padStart(7), percent(top3).padStart(8), `   ${mrr.toFixed(3)}`);
  }
  const { alpha, goldPart, paidContributions, unpaidQueries, decoys } = figures;
  console.log(`part of the answer that the adapter explains (alpha), mean   ${alpha.toFixed(3)}`);
  console.log(`part of the paid sum that goes to the right contribution     ${percent(goldPart)}`);
  console.log(`contributions paid for one answer, mean                      ${paidContributions.toFixed(1)}`);
  console.log(`answers for which nobody rises above the noise floor         ${percent(unpaidQueries)}`);
  console.log(
    `junk: ${decoys.queries} facts that nobody contributed                  alpha ${decoys.alpha.toFixed(3)}, paid ${percent(decoys.paid)}`,
  );
}

function progress(what: string): (done: number, total: number) => void {
  return (done, total) => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r${what}: ${done} of ${total}${done === total ? '\n' : ''}`);
    else if (done === total || done % 200 === 0) process.stderr.write(`${what}: ${done} of ${total}\n`);
  };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
