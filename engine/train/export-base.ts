// Writes the folder of a shipped base model from a trained one: half-precision weights, tokenizer, training record,
// loss curves, card and credits. Used by make-base-cli.ts. Everything in the card comes from the files it is given and
// from the exported model itself; no path of the machine is written.
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpusCredits, storybookAuthors } from '../corpus/corpus-credits.ts';
import { loadLlamaWeights } from '../model/llama-weights.ts';
import { loadModelConfig, toConfigJson } from '../model/model-config.ts';
import { writeSafetensors } from '../model/safetensors.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import { type BaseCard, baseCard, type CorpusReport } from './base-card.ts';
import { examineBase } from './base-exam.ts';
import { sampleBase } from './base-samples.ts';
import { chartPng } from './chart-png.ts';
import { heldOutLosses } from './held-out-loss.ts';
import { type InstructRecord, readInstructRecord } from './instruct-record.ts';
import { lineChartSvg } from './line-chart-svg.ts';
import { lossChart } from './loss-chart.ts';
import { plainText } from './markdown-text.ts';
import { type PretrainConfig, pretrainFields } from './pretrain-config.ts';
import { type TrainingHistory, thinnedCurve, trainingHistory } from './training-history.ts';

interface ExportJob {
  /** Folder that pre-training wrote. */
  readonly model: string;
  /** The JSON lines the training printed, part by part. */
  readonly logs: readonly string[];
  /** Folder that build-corpus wrote. */
  readonly corpus: string;
  /** The corpus of the first updates, where it was another, and how many they were. */
  readonly firstCorpus?: { readonly dir: string; readonly updates: number };
  /** Folder that `npm run train -- full` wrote from the pre-trained one: its weights are shipped. */
  readonly instruct?: string;
  /** Folder of the sources, for their authors' names. */
  readonly data: string;
  readonly out: string;
  readonly threads: number;
}

const curvePointsMax = 300;
/** Sources drawn beside the training loss: a narrow one, talk, tales and textbooks. */
const drawnSources = ['factbook-questions', 'everyday-dialogue', 'children-standard-ebooks', 'textbooks'];

/**
 * @throws EngineError of reading the model; Error when the logs are not of the recipe's whole run, or the tuned model is
 *   not one of the pre-trained model's shape
 */
export async function exportBase(job: ExportJob): Promise<void> {
  const { out, corpus: corpusDir } = job;
  const model = job.instruct ?? job.model; // whose weights are shipped
  const config = loadModelConfig(model);
  const recipe = recipeOf(join(job.model, 'pretrain.json'));
  const history = trainingHistory(job.logs.flatMap((path) => readFileSync(path, 'utf8').split('\n')));
  if (history.steps !== recipe.steps)
    throw new Error(
      `the logs end at update ${history.steps}, the recipe in ${job.model} has ${recipe.steps}: an unfinished run, or a log is missing`,
    );
  const corpus = readJson(join(corpusDir, 'corpus.json')) as CorpusReport;
  const firstCorpus = job.firstCorpus && {
    report: readJson(join(job.firstCorpus.dir, 'corpus.json')) as CorpusReport,
    updates: job.firstCorpus.updates,
  };
  const instruct = job.instruct === undefined ? undefined : readInstructRecord(job.instruct);
  const shape = (dir: string): string => JSON.stringify(toConfigJson(loadModelConfig(dir)));
  if (shape(model) !== shape(job.model))
    throw new Error(`the tuned model in ${model} has another shape than the pre-trained one in ${job.model}`);

  mkdirSync(out, { recursive: true });
  const weightsPath = join(out, 'model.safetensors');
  writeSafetensors(weightsPath, loadLlamaWeights(model, config), { dtype: 'F16' });
  writeJson(join(out, 'config.json'), { ...toConfigJson(config), torch_dtype: 'float16' });
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(model, file), join(out, file));

  // Of the weights as they are shipped, rounded to halves.
  const weights = loadLlamaWeights(out, config);
  const heldOut = await heldOutLosses(corpusDir, {
    ...{ config, weights, tokenizer: loadTokenizer(out), threads: job.threads },
  });
  const exam = await examineBase(out, join(corpusDir, 'facts-heldout.jsonl'), job.threads);
  const samples = await sampleBase(out, job.threads);
  const stories = storybookAuthors(job.data);
  const record = trainingRecord(recipe, history, corpus, { heldOut, exam });
  writeJson(join(out, 'training.json'), { ...record, ...(instruct && { instruct: tuningRecord(instruct) }) });
  writeJson(join(out, 'recipe.json'), recipe); // what the command of the card trains by
  writeChart(out, 'loss-curve', lossCurve(history));
  if (instruct !== undefined) {
    const { method: _, ...settings } = instruct.recipe;
    writeJson(join(out, 'instruct-recipe.json'), settings);
    writeChart(out, 'instruct-curve', instructCurve(instruct));
  }
  writeFileSync(
    join(out, 'CREDITS.md'),
    [
      '# Stories of the African Storybook in the base model’s corpus',
      '',
      'CC-BY-4.0, github.com/global-asp/asp-source; text without pictures, cut into pieces. Title, then the author as the story names it.',
      '',
      ...stories.map(({ title, credit }) => `- ${plainText(title)}: ${plainText(credit)}`),
      '',
    ].join('\n'),
  );
  const card = baseCard({
    ...{ config, recipe, corpus, firstCorpus, history, instruct, heldOut, exam, samples },
    credits: corpusCredits(corpus.sources.flatMap(({ files }) => files)),
    stories: stories.length,
    weightsBytes: statSync(weightsPath).size,
  });
  writeFileSync(join(out, 'README.md'), card);
}

function trainingRecord(
  recipe: Omit<PretrainConfig, 'data' | 'out'>,
  history: TrainingHistory,
  corpus: CorpusReport,
  finished: Pick<BaseCard, 'heldOut' | 'exam'>,
): object {
  const { parameters, steps, tokens, starts, heldOut, computeSeconds, tokensPerSecond } = history;
  return {
    ...{ recipe, parameters, steps, tokens, corpusTokens: corpus.trainTokens, starts },
    computeHours: Number((computeSeconds / 3600).toFixed(3)),
    tokensPerSecond: Math.round(tokensPerSecond),
    ...{ finished, lossUnit: 'nats per token' },
    trainLoss: thinnedCurve(history.curve, curvePointsMax).map(({ step, loss }) => [step, rounded(loss)]),
    heldOutLoss: heldOut.map(({ step, losses }) => ({
      step,
      losses: Object.fromEntries(Object.entries(losses).map(([source, loss]) => [source, rounded(loss)])),
    })),
  };
}

function lossCurve({ curve, heldOut }: TrainingHistory): string {
  const raw = thinnedCurve(curve, curvePointsMax);
  return lineChartSvg({
    title: 'Loss of the base model',
    xLabel: 'updates',
    yLabel: 'nats per token',
    lines: [
      { name: 'raw', faint: true, points: raw.map(({ step, loss }) => [step, loss] as const) },
      {
        name: 'training (smoothed)',
        points: thinnedCurve(curve, 50).map(({ step, loss }) => [step, loss] as const),
      },
      ...drawnSources.map((source) => ({
        name: `held out: ${source}`,
        points: heldOut.flatMap(({ step, losses }) =>
          losses[source] === undefined ? [] : [[step, losses[source]] as const],
        ),
      })),
    ],
  });
}

/** A card shows the picture, everything else the drawing. */
function writeChart(out: string, name: string, svg: string): void {
  writeFileSync(join(out, `${name}.svg`), svg);
  writeFileSync(join(out, `${name}.png`), chartPng(svg));
}

function instructCurve({ losses, heldOut }: InstructRecord): string {
  return lossChart({
    title: 'Loss of the instruct-tuning',
    training: losses.map((loss, i) => [i + 1, loss] as const),
    heldOut,
    yLabel: 'loss (nats per answer token)',
  });
}

/** Without the loss of every update: the curve is thinned as that of pre-training. */
function tuningRecord({ losses, heldOut, finalLoss, ...record }: InstructRecord): object {
  const curve = losses.map((loss, i) => ({ step: i + 1, loss }));
  return {
    ...record,
    finalLoss: rounded(finalLoss),
    trainLoss: thinnedCurve(curve, curvePointsMax).map(({ step, loss }) => [step, rounded(loss)]),
    heldOutLoss: heldOut.map(([step, loss]) => [step, rounded(loss)]),
  };
}

function recipeOf(path: string): Omit<PretrainConfig, 'data' | 'out'> {
  return pretrainFields.omit({ data: true, out: true }).parse(readJson(path));
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 1)}\n`);
}
