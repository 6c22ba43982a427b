// Makes one demo model: trains it on its datanet, measures it beside the bare base, and writes the folder that the first
// start publishes, with its card. Used by make-demo-model-cli.ts. Two things run side by side where they can: training with
// the base's evaluation, then the adapter's evaluation with its attribution.
// Invariants: what is measured is the adapter as it is stored, in float16; the same base, data and recipe give the same
// adapter to the bit.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors, writeSafetensors } from '../../engine/model/safetensors.ts';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { chartPng } from '../../engine/train/chart-png.ts';
import { readExamples, readHeldOut, spread } from '../../engine/train/eval-data.ts';
import { lossChart } from '../../engine/train/loss-chart.ts';
import { jsonLines } from '../factory/held-out.ts';
import { type AttributionReport, demoCard } from './demo-card.ts';
import type { DemoDatanet } from './demo-datanets.ts';
import { demoEvaluation } from './demo-evaluation.ts';

export interface DemoModelJob {
  readonly datanet: DemoDatanet;
  readonly model: string;
  readonly out: string;
  /** Overrides of the recipe's numbers; `<slug>-recipe.json` where left out, if it exists. */
  readonly recipePath?: string;
  /** Most held-out questions, spread over the file. */
  readonly limit: number;
  /** Questions for the attribution. */
  readonly attributionLimit: number;
}

/** What the command prints of a made model. */
export interface MadeDemoModel {
  readonly title: string;
  readonly adapter: { readonly correct: number; readonly total: number };
  readonly base: { readonly correct: number; readonly total: number };
  /** Part of the right answers whose stating contribution is among the first three that attribution names. */
  readonly top3: number;
  readonly adapterBytes: number;
}

const demo = fileURLToPath(new URL('.', import.meta.url));
const repository = join(demo, '..', '..');
const attributionCli = join(repository, 'engine', 'attribution', 'attribution-eval-cli.ts');
const seed = 1;
const curveName = 'curve-sft';

/** @throws EngineError of training and answering, Error when the attribution evaluation fails */
export async function makeDemoModel(job: DemoModelJob): Promise<MadeDemoModel> {
  const { datanet, model, out } = job;
  const { slug, title } = datanet;
  const recipePath = job.recipePath ?? join(demo, `${slug}-recipe.json`);
  const recipe =
    job.recipePath !== undefined || existsSync(recipePath)
      ? (JSON.parse(readFileSync(recipePath, 'utf8')) as Readonly<Record<string, number>>)
      : undefined;
  const data = join(demo, `${slug}.jsonl`);
  const heldOutPath = join(demo, `${slug}.heldout.jsonl`);
  const examples = readExamples(data);
  const items = spread(readHeldOut(heldOutPath), job.limit);

  const scratch = mkdtempSync(join(tmpdir(), 'make-demo-model-'));
  const engine = await createLocalEngine({ baseDir: model });
  try {
    const outDir = join(scratch, 'adapter');
    const [trained, base] = await Promise.all([
      engine.train({ outDir, examples, seed, recipe }, ({ step, steps }) =>
        say(`${title}: trained`, step, steps),
      ),
      engine.evaluate({ items }, (done, total) => say(`${title}: base answered`, done, total)),
    ]);
    const weights = storeAdapter(outDir, out);
    writeCurve(outDir, out, title);
    const [adapter, attribution] = await Promise.all([
      engine.evaluate({ adapter: { id: slug, dir: out }, items }, (done, total) =>
        say(`${title}: adapter answered`, done, total),
      ),
      attributionReport([
        ...['--model', model, '--adapter', out, '--data', data, '--heldout', heldOutPath],
        ...[
          '--decoys',
          join(demo, `${slug}.decoys.jsonl`),
          '--limit',
          String(job.attributionLimit),
          '--json',
        ],
      ]),
    ]);
    const seen = items.map(({ seenTemplate }) => seenTemplate === true);
    const evaluation = demoEvaluation(seen, adapter, base);
    const { recipe: used, finalLoss, trainedTokens } = trained;
    writeJson(join(out, 'evaluation.json'), evaluation);
    writeJson(join(out, 'attribution.json'), attribution);
    const training = { recipe: used, finalLoss, trainedTokens, examples: examples.length };
    writeJson(join(out, 'training.json'), training);
    const adapterBytes = statSync(weights).size;
    const card = demoCard({
      datanet,
      contributors: (await jsonLines(data)).map(({ contributor }) => String(contributor)),
      ...{ trained, evaluation, attribution, adapterBytes, curve: curveName },
      dataSha256: createHash('sha256').update(readFileSync(data)).digest('hex'),
      adapterAnswers: adapter.answers,
      baseAnswers: base.answers,
    });
    writeFileSync(join(out, 'README.md'), card);
    const shares = attribution.rows.find(({ method, answers }) => method === 'shares' && answers === 'right');
    return {
      title,
      adapter: evaluation.adapter,
      base: evaluation.base,
      top3: shares?.top3 ?? 0,
      adapterBytes,
    };
  } finally {
    await engine.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The trained folder as it ships: half the size, and no path of this machine. @returns the weights' path */
function storeAdapter(trained: string, out: string): string {
  mkdirSync(out, { recursive: true });
  writeJson(join(out, 'adapter_config.json'), {
    ...JSON.parse(readFileSync(join(trained, 'adapter_config.json'), 'utf8')),
    base_model_name_or_path: 'engine/base',
  });
  const weights = join(out, 'adapter_model.safetensors');
  writeSafetensors(weights, readSafetensors(join(trained, 'adapter_model.safetensors')), { dtype: 'F16' });
  return weights;
}

/** The loss of every update, as the training's record has it: a drawing and a picture. */
function writeCurve(trained: string, out: string, title: string): void {
  const { losses } = JSON.parse(readFileSync(join(trained, 'training.json'), 'utf8')) as {
    readonly losses: readonly number[];
  };
  const svg = lossChart({
    title: `${title}: loss by update`,
    training: losses.map((loss, i) => [i + 1, loss] as const),
    yLabel: 'loss (nats per answer token)',
  });
  writeFileSync(join(out, `${curveName}.svg`), svg);
  writeFileSync(join(out, `${curveName}.png`), chartPng(svg));
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
