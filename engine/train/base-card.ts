// The card of a base model: a Markdown text made of figures that were read, counted or generated, none typed by hand.
// Used by make-base-cli.ts. Pure: no files, no clock. What it says about limits follows from the corpus and the size.
import type { Credit } from '../corpus/corpus-credits.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { BaseSample } from './base-samples.ts';
import type { HeldOutLoss } from './held-out-loss.ts';
import { markdownTable, plainText } from './markdown-text.ts';
import type { PretrainConfig } from './pretrain-config.ts';
import { historySentences, type TrainingHistory } from './training-history.ts';

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
  }[];
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
  readonly history: TrainingHistory;
  readonly heldOut: readonly HeldOutLoss[];
  readonly exam: readonly ExamRow[];
  readonly samples: readonly BaseSample[];
  readonly credits: readonly Credit[];
  readonly stories: number;
  readonly weightsBytes: number;
}

export function baseCard(card: BaseCard): string {
  const { history, corpus, config } = card;
  return `${[
    '# The base model',
    '',
    `A small language model of ${millions(history.parameters)} parameters, trained from nothing by this project's own`,
    'code, in TypeScript on a processor, to be the ground on which community adapters are trained. It speaks simple',
    'English, knows the form of questions and answers, and knows little else: what a community model answers is meant',
    'to come from its contributors. This card is written by the command that makes the model; no figure in it is typed by hand.',
    '',
    '![Loss over the updates](loss-curve.svg)',
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
    'One command builds the corpus and the tokenizer, trains and writes this folder:',
    '',
    '```',
    'npm run make-base -- --data DIR',
    '```',
    '',
    'DIR holds the source files named in `engine/corpus/corpus-sources.ts`; the recipe is `engine/base/recipe.json`.',
    '',
    markdownTable(['what', 'value'], trainingRows(card)),
    '',
    ...historyText(history),
    'The loss over the updates and the held-out losses during training stand in [training.json](training.json).',
    '',
    '## Data',
    '',
    ...dataSentences(card),
    'One document in a hundred was held out of each source. A weight says how often a document stands in one pass.',
    '',
    markdownTable(
      ['source', 'licence', 'documents', 'weight', 'tokens', 'weight in the last stage'],
      [...corpus.sources]
        .sort((a, b) => b.trainTokens - a.trainTokens)
        .map(({ name, licence, documents, weight, trainTokens, lastWeight }) => [
          ...[name, licence, count(documents), String(weight), count(trainTokens), String(lastWeight)],
        ]),
      [2, 3, 4, 5],
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
    `**${examTotal(card.exam)}**.`,
    '',
    markdownTable(
      ['kind of fact', 'asked', 'right', 'share'],
      card.exam.map(({ kind, total, right }) => [
        ...[kind, count(total), count(right), `${((100 * right) / total).toFixed(1)} %`],
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

function dataSentences({ corpus, recipe, history }: BaseCard): readonly string[] {
  const perUpdate = history.tokens / history.steps;
  const last = Math.min(recipe.lastSteps, history.steps) * perUpdate;
  const first = history.tokens - last;
  const passes = (tokens: number, ofPass: number): string => `${(tokens / ofPass).toFixed(2)} of a pass`;
  return [
    `${count(corpus.trainTokens)} tokens in a pass, of which the training saw ${count(first)} (${passes(first, corpus.trainTokens)}),`,
    last > 0
      ? `then ${count(last)} (${passes(last, corpus.lastTokens)}) of another mixture of ${count(corpus.lastTokens)}, in which what people ask weighs more.`
      : 'to the end.',
  ];
}

/** "3,100 of 4,585 (67.6 %)" */
function examTotal(exam: readonly ExamRow[]): string {
  const sum = (of: (row: ExamRow) => number): number => exam.reduce((total, row) => total + of(row), 0);
  const [right, total] = [sum((row) => row.right), sum((row) => row.total)];
  return `${count(right)} of ${count(total)} (${((100 * right) / Math.max(1, total)).toFixed(1)} %)`;
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

function trainingRows({ recipe, history }: BaseCard): readonly (readonly string[])[] {
  return [
    ['updates', count(history.steps)],
    [
      'tokens seen',
      `${count(history.tokens)} (${count(recipe.batch * recipe.gradAccum * recipe.seq)} in an update)`,
    ],
    [
      'optimiser',
      `${recipe.optimiser === 'muon' ? 'Muon for the matrices of the layers, AdamW for the rest' : 'AdamW'}, beta2 ${recipe.beta2}, weight decay ${recipe.weightDecay}, gradients clipped to norm ${recipe.clipNorm}`,
    ],
    [
      'learning rate',
      `${recipe.lr} after ${recipe.warmup} updates of warm-up, ${
        recipe.lastSteps > 0
          ? `held, then falling in a line to ${recipe.lrFinalRatio} of it over the last ${count(recipe.lastSteps)}`
          : `falling on a cosine to ${recipe.lrFinalRatio} of it`
      }`,
    ],
    [
      'loss at the end',
      `${(history.curve.at(-1)?.loss ?? Number.NaN).toFixed(3)} nats per token (mean of the last ${recipe.logEvery} updates)`,
    ],
    [
      'computing time',
      `${(history.computeSeconds / 3600).toFixed(2)} hours on ${recipe.threads} threads of a processor, ${count(Math.round(history.tokensPerSecond))} tokens a second`,
    ],
  ];
}

function historyText({ starts }: TrainingHistory): readonly string[] {
  const sentences = historySentences(starts);
  if (sentences.length === 0) return [];
  return [
    `These weights were not made in one piece. ${sentences.join(' ')} The command above runs the final plan from`,
    'the first update on, so it gives a model like this one, not the same to the bit.',
    '',
  ];
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function millions(value: number): string {
  return `${(value / 1e6).toFixed(1)} million`;
}
