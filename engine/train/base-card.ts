// The card of a base model: a Markdown text made of figures that were read, counted or generated, none typed by hand.
// Used by export-base.ts; its parts about training are in base-card-training.ts, its first lines in base-goals.ts. Pure:
// no files, no clock. What it says about limits follows from the corpus and the size.
import type { Credit } from '../corpus/corpus-credits.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { dataSentences, historyText, instructText, trainingRows } from './base-card-training.ts';
import { examTotals, goalRows, shareOf } from './base-goals.ts';
import type { BaseSample } from './base-samples.ts';
import type { HeldOutLoss } from './held-out-loss.ts';
import type { InstructRecord } from './instruct-record.ts';
import { markdownTable, plainText } from './markdown-text.ts';
import type { PretrainConfig } from './pretrain-config.ts';
import type { TrainingHistory } from './training-history.ts';

export interface CorpusReport {
  readonly vocab: number;
  readonly trainTokens: number;
  /** Of a pass of the last stage's mixture. */
  readonly lastTokens: number;
  readonly sources: readonly {
    readonly name: string;
    readonly files: readonly string[];
    readonly licence: string;
    readonly weight: number;
    readonly lastWeight: number;
    readonly documents: number;
    readonly trainTokens: number;
    readonly lastTokens: number;
    readonly validTokens: number;
    /** Conversations for instruct-tuning, answer by answer; left out where the corpus was built without. */
    readonly instructRows?: number;
  }[];
}

/** A corpus that the first updates were trained on, before it was built anew. */
export interface FirstCorpus {
  readonly report: CorpusReport;
  readonly updates: number;
}

/** Right answers to one kind of fact, asked as no training text asks. */
export interface ExamRow {
  readonly kind: string;
  readonly total: number;
  readonly right: number;
}

export interface BaseCard {
  readonly config: LlamaConfig;
  readonly recipe: Omit<PretrainConfig, 'data' | 'out'>;
  readonly corpus: CorpusReport;
  readonly firstCorpus?: FirstCorpus;
  readonly history: TrainingHistory;
  /** The tuning after pre-training, where there was one. */
  readonly instruct?: InstructRecord;
  readonly heldOut: readonly HeldOutLoss[];
  readonly exam: readonly ExamRow[];
  readonly samples: readonly BaseSample[];
  readonly credits: readonly Credit[];
  readonly stories: number;
  readonly weightsBytes: number;
}

export function baseCard(card: BaseCard): string {
  const { history, corpus, config } = card;
  const exam = examTotals(card.exam);
  return `${[
    '# The base model',
    '',
    `A small language model of ${millions(history.parameters)} parameters, trained from nothing by this project's own`,
    'code, in TypeScript on a processor, to be the ground on which community adapters are trained. It speaks simple',
    'English, knows the form of questions and answers, and knows little else: what a community model answers is meant',
    'to come from its contributors. This card is written by the command that makes the model; no figure in it is typed by hand.',
    '',
    '## Goals, and what was reached',
    '',
    markdownTable(['goal', 'reached', ''], goalRows(card)),
    '',
    `${count(history.tokens)} tokens of pre-training took ${(history.computeSeconds / 3600).toFixed(2)} hours of computing. Every figure is measured`,
    'on the weights as they lie here; each source, each kind of fact and all samples stand below.',
    '',
    '![Loss over the updates](loss-curve.png)',
    '',
    'The same curve as [SVG](loss-curve.svg).',
    '',
    '## Architecture',
    '',
    markdownTable(['what', 'value'], architectureRows(card)),
    '',
    `The output head is ${config.tied ? 'the embedding matrix' : 'a matrix of its own'}. The folder is in Hugging Face`,
    'format and loads wherever Llama models do.',
    '',
    '## Training',
    '',
    `One command builds the corpus and the tokenizer, pre-trains${card.instruct === undefined ? '' : ', instruct-tunes'} and writes this folder:`,
    '',
    '```',
    'npm run make-base -- --data DIR',
    '```',
    '',
    'DIR holds the source files named in `engine/corpus/corpus-sources.ts`; the recipe is `engine/base/recipe.json`.',
    '',
    markdownTable(['what', 'value'], trainingRows(card)),
    '',
    ...historyText(card),
    'The loss over the updates and the held-out losses during training stand in [training.json](training.json).',
    '',
    ...instructText(card),
    '## Data',
    '',
    ...dataSentences(card),
    'Of each source one document in a hundred was held out. A weight says how often a document stands in one pass.',
    '',
    markdownTable(
      ['source', 'licence', 'documents', ...weightNames(card), 'tokens'],
      [...corpus.sources]
        .sort((a, b) => b.trainTokens - a.trainTokens)
        .map(({ name, licence, documents, trainTokens }) => [
          ...[name, licence, count(documents), ...weightsOf(card, name), count(trainTokens)],
        ]),
      [2, 3, 4, 5, 6, 7],
    ),
    '',
    'Every question, answer and line of talk that states the capital or the currency of a country was left out, because',
    'these facts belong to the demo datanet (`marketplace/demo/README.md`). Prose was not searched for them.',
    '',
    '## Held-out loss',
    '',
    'The finished model on text it never saw, every held-out token once. Bits per byte count the bytes of the text without',
    'special tokens.',
    '',
    markdownTable(
      ['source', 'tokens', 'nats per token', 'bits per byte'],
      card.heldOut.map(({ source, tokens, natsPerToken, bitsPerByte }) => [
        ...[source, count(tokens), natsPerToken.toFixed(3), bitsPerByte.toFixed(3)],
      ]),
      [1, 2, 3],
    ),
    '',
    '## Facts, asked in words it never saw',
    '',
    'One way of asking each kind of fact is in no training text, for no place. Asked that way, the whole answer right:',
    `**${shareOf(exam.right, exam.total)}**.`,
    '',
    markdownTable(
      ['kind of fact', 'asked', 'right', 'share'],
      card.exam.map(({ kind, total, right }) => [
        ...[spaced(kind), count(total), count(right), `${((100 * right) / total).toFixed(1)} %`],
      ]),
      [1, 2, 3],
    ),
    '',
    '## Samples',
    '',
    `A fixed list of ${card.samples.length} prompts, always the likeliest token, nothing selected. "Continue" prompts are plain text; the`,
    'others are asked in the chat template.',
    '',
    ...card.samples.flatMap(({ kind, shows, turns, answers }) =>
      turns.flatMap((turn, i) => [
        `**${plainText(turn)}**${i > 0 ? '' : ` (${shows}${kind === 'continue' ? '; continue' : ''})`}`,
        '',
        `> ${plainText(answers[i]) || '(nothing)'}`,
        '',
      ]),
    ),
    '## Limits',
    '',
    '- It is tiny. It makes up facts in a confident tone; nothing it says should be relied on, least of all about health.',
    '- It cannot calculate, cannot follow an argument, and loses the thread after a few sentences.',
    '- It knows English only, and what it learned of the world stops with its sources, some of which are a century old and',
    '  carry the views of their time. It was not tuned to refuse anything.',
    `- Its context is ${config.maxSeq} tokens.`,
    '- It is a ground for adapters with narrow, checkable knowledge; that is what it was measured for',
    '  (`marketplace/demo/README.md`).',
    '',
    '## Licence and credits',
    '',
    'The weights are under the licence of this project ([LICENSE](../../LICENSE)). They were trained on the works below, which',
    'ask to be named, and on public-domain and CC0 texts: The World Factbook, Standard Ebooks, Project Gutenberg texts',
    'through GITenberg, plainlanguage.gov, public-domain recipes and the Corpora project. None of the texts is in this',
    `repository. The titles and authors of the ${card.stories} stories of the African Storybook are in [CREDITS.md](CREDITS.md).`,
    '',
    markdownTable(
      ['work', 'by', 'source', 'licence', 'changes'],
      card.credits.map(({ work, by, where, licence, changes }) => [work, by, where, licence, changes]),
    ),
  ].join('\n')}\n`;
}

/** Columns of the sources' table: a weight for each mixture that was trained on, and rows of the tuning. */
function weightNames({ firstCorpus, instruct }: BaseCard): readonly string[] {
  return [
    ...(firstCorpus === undefined ? [] : [`weight until update ${count(firstCorpus.updates)}`]),
    ...['weight', 'weight in the last stage'],
    ...(instruct === undefined ? [] : ['answers to tune on']),
  ];
}

function weightsOf({ corpus, firstCorpus, instruct }: BaseCard, name: string): readonly string[] {
  const source = corpus.sources.find((each) => each.name === name);
  const first = firstCorpus?.report.sources.find((each) => each.name === name);
  return [
    ...(firstCorpus === undefined ? [] : [String(first?.weight ?? 0)]),
    ...[String(source?.weight ?? 0), String(source?.lastWeight ?? 0)],
    ...(instruct === undefined ? [] : [count(source?.instructRows ?? 0)]),
  ];
}

function architectureRows({ config, history, weightsBytes }: BaseCard): readonly (readonly string[])[] {
  return [
    ['family', 'Llama (RMSNorm, rotary positions, SwiGLU, grouped-query attention)'],
    ['parameters', count(history.parameters)],
    ['layers', String(config.layers)],
    ['width', String(config.dim)],
    ['query heads / key-value heads', `${config.heads} / ${config.kvHeads}, ${config.headDim} wide`],
    ['feed-forward width', String(config.ffn)],
    ['vocabulary', `${count(config.vocab)} byte-level BPE tokens, trained on the same corpus`],
    ['context', `${config.maxSeq} tokens`],
    ['stored as', `float16, ${(weightsBytes / 1e6).toFixed(1)} MB; computed in float32`],
  ];
}

function count(value: number): string {
  return value.toLocaleString('en');
}

/** "highestPoint" -> "highest point" */
function spaced(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function millions(value: number): string {
  return `${(value / 1e6).toFixed(1)} million`;
}
