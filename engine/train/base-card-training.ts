// The parts of a base model's card that tell how it was trained: recipe, stops and changes of plan, tokens of each
// mixture, instruct-tuning. Used by base-card.ts. Pure. Every figure comes from the run's own records.
import type { BaseCard } from './base-card.ts';
import { markdownTable } from './markdown-text.ts';
import { historySentences } from './training-history.ts';

export function trainingRows({ recipe, history }: BaseCard): readonly (readonly string[])[] {
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
      `${recipe.lr} after ${count(recipe.warmup)} updates of warm-up, ${
        recipe.lastSteps > 0
          ? `held, then falling in a line to ${recipe.lrFinalRatio} of it over the last ${count(recipe.lastSteps)}`
          : `falling on a cosine to ${recipe.lrFinalRatio} of it`
      }`,
    ],
    [
      'window',
      recipe.lastSteps > 0 && recipe.lastSeq !== undefined && recipe.lastSeq !== recipe.seq
        ? `${recipe.seq} tokens, ${recipe.lastSeq} in the last stage`
        : `${recipe.seq} tokens`,
    ],
    [
      'loss at the end',
      `${(history.curve.at(-1)?.loss ?? Number.NaN).toFixed(3)} nats per token (mean of the last ${recipe.logEvery} updates)`,
    ],
    [
      'computing time',
      `${(history.computeSeconds / 3600).toFixed(2)} hours on a processor (${recipe.threads} threads at the end), ${count(Math.round(history.tokensPerSecond))} tokens a second on average`,
    ],
  ];
}

export function historyText({ history, firstCorpus }: BaseCard): readonly string[] {
  const sentences = [
    ...historySentences(history.starts),
    ...(firstCorpus === undefined
      ? []
      : [`At update ${count(firstCorpus.updates)} the corpus was built anew, with the same tokenizer.`]),
  ];
  if (sentences.length === 0) return [];
  return [
    `These weights were not made in one piece. ${sentences.join(' ')} The command above runs the final plan from`,
    'the first update on, so it gives a model like this one, not the same to the bit.',
    '',
  ];
}

/** How many tokens of each mixture were seen. */
export function dataSentences({ corpus, firstCorpus, recipe, history }: BaseCard): readonly string[] {
  const perUpdate = history.tokens / history.steps;
  const lastStep = recipe.steps - recipe.lastSteps; // the last stage begins after it
  const lastUpdates = recipe.lastSteps === 0 ? 0 : Math.max(0, history.steps - lastStep);
  const firstUpdates = Math.min(firstCorpus?.updates ?? 0, history.steps - lastUpdates);
  const seen = (updates: number, ofPass: number): string =>
    `${count(Math.round(updates * perUpdate))} (${((updates * perUpdate) / ofPass).toFixed(2)} of a pass)`;
  return [
    ...(firstCorpus === undefined
      ? []
      : [
          `The training saw ${seen(firstUpdates, firstCorpus.report.trainTokens)} of a first mixture of ${count(firstCorpus.report.trainTokens)} tokens, in the words and`,
          'with the weights that the sources had then. A held-out question of later may stand among its trained ones.',
        ]),
    `${count(corpus.trainTokens)} tokens are in a pass, of which the training saw ${seen(history.steps - lastUpdates - firstUpdates, corpus.trainTokens)},`,
    lastUpdates > 0
      ? `then ${seen(lastUpdates, corpus.lastTokens)} of another mixture of ${count(corpus.lastTokens)}, weighted anew for the end.`
      : 'to the end.',
  ];
}

/** Nothing where the model was not tuned after pre-training. */
export function instructText({ instruct, corpus }: BaseCard): readonly string[] {
  if (instruct === undefined) return [];
  const { examples, batch, lr, updates, keptUpdate, trainedTokens, finalLoss, finalUpdates, heldOut } =
    instruct;
  const rowsOfCorpus = corpus.sources.reduce((sum, { instructRows = 0 }) => sum + instructRows, 0);
  const before = heldOut.find(([step]) => step === 0);
  const kept = heldOut.find(([step]) => step === keptUpdate && step > 0);
  return [
    '## Instruct-tuning',
    '',
    'After pre-training the same command trained every weight further on the conversations of the corpus, with a loss on',
    'the answers alone (`npm run train -- full`); the recipe is `engine/base/instruct-recipe.json`.',
    '',
    markdownTable(
      ['what', 'value'],
      [
        [
          'answers trained on',
          `${count(examples)}${rowsOfCorpus === 0 ? '' : ` of the ${count(rowsOfCorpus)} that the corpus gives`}`,
        ],
        [
          'updates',
          `${count(updates)} of about ${count(batch)} answers each${keptUpdate === updates ? '' : `; the weights after ${count(keptUpdate)} were kept`}`,
        ],
        ['tokens seen, questions included', count(trainedTokens)],
        ['optimiser', `AdamW, learning rate ${lr} at its peak`],
        [
          'loss at the end',
          `${finalLoss.toFixed(3)} nats per answer token (mean of ${count(finalUpdates)} updates)`,
        ],
        ...(before === undefined || kept === undefined
          ? []
          : [
              [
                'loss of held-out answers',
                `${before[1].toFixed(3)} nats per answer token before, ${kept[1].toFixed(3)} after`,
              ],
            ]),
      ],
    ),
    '',
    '![Loss over the updates of the tuning](instruct-curve.png)',
    '',
    'The same curve as [SVG](instruct-curve.svg).',
    '',
  ];
}

function count(value: number): string {
  return value.toLocaleString('en');
}
