// The card of a base model: a Markdown text made of figures that were read, counted or generated, none typed by hand.
// Used by make-base-cli.ts. Pure: no files, no clock. What it says about limits follows from the corpus and the size.
import type { Credit } from '../corpus/corpus-credits.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { BaseSample } from './base-samples.ts';
import { markdownTable, plainText } from './markdown-text.ts';
import type { PretrainConfig } from './pretrain-config.ts';
import { historySentences, type TrainingHistory } from './training-history.ts';

export interface CorpusReport {
  readonly vocab: number;
  readonly trainTokens: number;
  readonly sources: readonly {
    readonly name: string;
    readonly files: readonly string[];
    readonly licence: string;
    readonly weight: number;
    readonly documents: number;
    readonly trainTokens: number;
    readonly validTokens: number;
  }[];
}

interface HeldOutRow {
  readonly source: string;
  readonly natsPerToken: number;
  readonly bitsPerByte: number;
}

export interface BaseCard {
  readonly config: LlamaConfig;
  readonly recipe: Omit<PretrainConfig, 'data' | 'out'>;
  readonly corpus: CorpusReport;
  readonly history: TrainingHistory;
  readonly heldOut: readonly HeldOutRow[];
  readonly samples: readonly BaseSample[];
  readonly credits: readonly Credit[];
  readonly stories: number;
  readonly weightsBytes: number;
}

export function baseCard(card: BaseCard): string {
  const { history, corpus, config } = card;
  const passes = (history.tokens / corpus.trainTokens).toFixed(2);
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
    `${count(corpus.trainTokens)} tokens, of which the training saw ${count(history.tokens)} (${passes} of a pass).`,
    'One document in a hundred was held out of each source. A weight says how often a document stands in one pass.',
    '',
    markdownTable(
      ['source', 'licence', 'documents', 'weight', 'tokens'],
      [...corpus.sources]
        .sort((a, b) => b.trainTokens - a.trainTokens)
        .map(({ name, licence, documents, weight, trainTokens }) => [
          name,
          licence,
          count(documents),
          String(weight),
          count(trainTokens),
        ]),
      [2, 3, 4],
    ),
    '',
    'Every question, answer and line of talk that states the capital or the currency of a country was left out, because',
    'these facts belong to the demo datanet (`marketplace/demo/README.md`). Prose was not searched for them.',
    '',
    '## Held-out loss',
    '',
    `After ${count(history.heldOut.at(-1)?.step ?? 0)} updates, on text the model never saw. Bits per byte count the text's bytes without`,
    'special tokens. Sources whose held-out text is shorter than one window have no row.',
    '',
    markdownTable(
      ['source', 'nats per token', 'bits per byte'],
      card.heldOut.map((row) => [row.source, row.natsPerToken.toFixed(3), row.bitsPerByte.toFixed(3)]),
      [1, 2],
    ),
    '',
    '## Samples',
    '',
    `A fixed list of ${card.samples.length} prompts, always the likeliest token, nothing selected. "Continue" prompts are plain text; the`,
    'others are asked in the chat template.',
    '',
    ...card.samples.flatMap(({ kind, shows, prompt, answer }) => [
      `**${plainText(prompt)}** (${shows}${kind === 'continue' ? '; continue' : ''})`,
      '',
      `> ${plainText(answer) || '(nothing)'}`,
      '',
    ]),
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
      `AdamW, beta2 ${recipe.beta2}, weight decay ${recipe.weightDecay}, gradients clipped to norm ${recipe.clipNorm}`,
    ],
    [
      'learning rate',
      `${recipe.lr} after ${recipe.warmup} updates of warm-up, falling on a cosine to ${recipe.lrFinalRatio} of it`,
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
