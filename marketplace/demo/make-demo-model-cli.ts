// `npm run make-demo-model`: trains the demo model on the demo datanet, measures it beside the bare base, and writes the
// folder that the first start publishes, with its card. Used by people. Two things run side by side where they can:
// training with the base's evaluation, then the adapter's evaluation with its attribution.
// Exit codes: 0 done, 1 failed.
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { readExamples, readHeldOut, spread } from '../../engine/train/eval-data.ts';
import { jsonLines } from '../factory/held-out.ts';
import { type AttributionReport, demoCard } from './demo-card.ts';
import { demoEvaluation } from './demo-evaluation.ts';

const help = `npm run make-demo-model [-- options]   trains and measures the demo model

  --model DIR        base model (default engine/base)
  --out DIR          where the adapter goes (default marketplace/demo/pocket-atlas-adapter)
  --recipe FILE      overrides of the recipe's numbers (default marketplace/demo/pocket-atlas-recipe.json, if it exists)
  --limit N          N held-out questions spread over the file (default: all)
  --attribution N    N questions for the attribution (default 200)`;

const demo = fileURLToPath(new URL('.', import.meta.url));
const repository = join(demo, '..', '..');
const attributionCli = join(repository, 'engine', 'attribution', 'attribution-eval-cli.ts');
const slug = 'pocket-atlas';
/** The first seed; the trained adapter is the same to the bit for the same base, data and recipe. */
const seed = 1;

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      ...{ model: text, out: text, recipe: text, limit: text, attribution: text },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const model = values.model ?? join(repository, 'engine', 'base');
  const out = values.out ?? join(demo, `${slug}-adapter`);
  const recipePath = values.recipe ?? join(demo, `${slug}-recipe.json`);
  const recipe =
    values.recipe !== undefined || existsSync(recipePath)
      ? (JSON.parse(readFileSync(recipePath, 'utf8')) as Readonly<Record<string, number>>)
      : undefined;
  const data = join(demo, `${slug}.jsonl`);
  const heldOutPath = join(demo, `${slug}.heldout.jsonl`);
  const examples = readExamples(data);
  const items = spread(readHeldOut(heldOutPath), Number(values.limit ?? Number.POSITIVE_INFINITY));

  const scratch = mkdtempSync(join(tmpdir(), 'make-demo-model-'));
  const engine = await createLocalEngine({ baseDir: model });
  try {
    const outDir = join(scratch, 'adapter');
    const [trained, base] = await Promise.all([
      engine.train({ outDir, examples, seed, recipe }, ({ step, steps }) => say('trained', step, steps)),
      engine.evaluate({ items }, (done, total) => say('base answered', done, total)),
    ]);
    mkdirSync(out, { recursive: true });
    writeJson(join(out, 'adapter_config.json'), {
      ...JSON.parse(readFileSync(join(outDir, 'adapter_config.json'), 'utf8')),
      base_model_name_or_path: 'engine/base',
    });
    const weights = join(out, 'adapter_model.safetensors');
    copyFileSync(join(outDir, 'adapter_model.safetensors'), weights);

    const [adapter, attribution] = await Promise.all([
      engine.evaluate({ adapter: { id: slug, dir: out }, items }, (done, total) =>
        say('adapter answered', done, total),
      ),
      attributionReport([
        ...['--model', model, '--adapter', out, '--data', data, '--heldout', heldOutPath],
        ...['--decoys', join(demo, `${slug}.decoys.jsonl`), '--limit', values.attribution ?? '200', '--json'],
      ]),
    ]);
    const seen = items.map(({ seenTemplate }) => seenTemplate === true);
    const evaluation = demoEvaluation(seen, adapter, base);
    const { recipe: used, finalLoss, trainedTokens } = trained;
    writeJson(join(out, 'evaluation.json'), evaluation);
    writeJson(join(out, 'attribution.json'), attribution);
    writeJson(join(out, 'training.json'), {
      recipe: used,
      finalLoss,
      trainedTokens,
      examples: examples.length,
    });
    const card = demoCard({
      contributors: (await jsonLines(data)).map(({ contributor }) => String(contributor)),
      ...{ trained, evaluation, attribution },
      adapterBytes: statSync(weights).size,
      adapterAnswers: adapter.answers,
      baseAnswers: base.answers,
    });
    writeFileSync(join(out, 'README.md'), card);
    const shares = attribution.rows.find(({ method }) => method === 'shares');
    console.log(
      `right: ${adapter.correct} of ${adapter.total}, the base alone ${base.correct}; the stating contribution among ` +
        `the first three for ${(100 * (shares?.top3 ?? 0)).toFixed(1)} % of ${shares?.queries} answers`,
    );
  } finally {
    await engine.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The attribution evaluation in a process of its own, so that it computes beside the answers. */
async function attributionReport(args: readonly string[]): Promise<AttributionReport> {
  const child = spawn(process.execPath, [attributionCli, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += String(chunk);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`the attribution evaluation ended with ${code}`);
  return JSON.parse(printed) as AttributionReport;
}

const lastSaid = new Map<string, number>();

/** One line every ten seconds at most for each kind of work, and one at its end. */
function say(what: string, done: number, total: number): void {
  const now = Date.now();
  if (done < total && now - (lastSaid.get(what) ?? 0) < 10_000) return;
  lastSaid.set(what, now);
  console.log(`${what}: ${done} of ${total}`);
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 1)}\n`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
