// A model and the list of models as people see them. Used by /models, /model, /start and the answer flow. Pure.
import type { ModelReadiness, ModelSummary, Range } from '../../marketplace/marketplace.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Button, Reply, RichText } from '../core/platform.ts';
import { bold, italic, lines, rich, small } from '../core/rich-text.ts';
import { shorten, shownText } from '../core/sanitize-text.ts';
import { count, openAmount, percent } from '../core/words.ts';
import { datanetButton, helpButton, modelsButton } from './answer-buttons.ts';
import { auditLines } from './audit-words.ts';

/** Two buttons a row, five rows: what fits under one message everywhere. */
const LISTED_MAX = 10;

function priceWords({ rateCard }: Pick<ModelSummary, 'rateCard'>): string {
  const parts = [
    rateCard.perCallNano > 0n ? `${openAmount(rateCard.perCallNano)} an answer` : null,
    rateCard.per1kPromptTokensNano > 0n
      ? `${openAmount(rateCard.per1kPromptTokensNano)} per 1,000 tokens read`
      : null,
    rateCard.per1kAnswerTokensNano > 0n
      ? `${openAmount(rateCard.per1kAnswerTokensNano)} per 1,000 tokens written`
      : null,
  ].filter((part) => part !== null);
  return parts.length === 0 ? 'free' : parts.join(' + ');
}

/** Known before anything is asked. */
const ceilingWords = ({ ceilingNano }: ModelSummary): string =>
  ceilingNano === 0n
    ? 'An answer costs nothing.'
    : `No answer costs more than ${openAmount(ceilingNano)}, nor more than your budget (/budget).`;

const splitWords = ({ splitBps }: ModelSummary): string =>
  `${splitBps.data / 100} % to the people whose data made the answer, ${splitBps.creator / 100} % to the model’s maker, ` +
  `${splitBps.node / 100} % to the computer that ran it, ${splitBps.platform / 100} % to the marketplace`;

/** Two buttons a row. */
export const pairs = (buttons: readonly Button[]): readonly (readonly Button[])[] =>
  buttons.flatMap((button, i) => (i % 2 === 0 ? [[button, ...buttons.slice(i + 1, i + 2)]] : []));

/** All listed models with a button each. */
export function modelListReply(models: readonly ModelSummary[], heading = 'The models here'): Reply {
  const listed = models.filter((model) => !model.retired);
  if (listed.length === 0) {
    return {
      text: lines('No model is published yet.', 'Help the first one along: /datanet shows what is missing.'),
      buttons: [[helpButton]],
      ephemeral: true,
    };
  }
  const shown = listed.slice(0, LISTED_MAX);
  const entries = shown.flatMap((model): (RichText | string)[] => [
    '',
    rich(bold(model.title), ` · ${priceWords(model)}`),
    shownText(model.description, 200),
  ]);
  return {
    text: lines(
      bold(heading),
      ...entries,
      listed.length > shown.length
        ? `\n… and ${listed.length - shown.length} more: /model and a name.`
        : null,
    ),
    buttons: pairs(
      shown.map((model) => ({ action: encodeAction('model', model.slug), label: shorten(model.title, 40) })),
    ),
    ephemeral: true,
  };
}

function evaluationWords({ evaluation }: ModelSummary): RichText | null {
  if (evaluation === null) return null;
  const { adapter, base, items, intervals } = evaluation;
  return rich(
    bold('Tested: '),
    `${percent(adapter)}${rangeWords(intervals?.adapter)} of ${count(items, 'question')} it had never seen answered right; ` +
      `the base model without this community’s data: ${percent(base)}${rangeWords(intervals?.base)}.`,
  );
}

/** " (likely 89.8 to 92.8 %)": 95 % of such intervals hold what many more questions would show. */
function rangeWords(range: Range | undefined): string {
  if (range === undefined || range[0] === range[1]) return '';
  const [low, high] = range.map((part) => Number((100 * part).toFixed(1)));
  return ` (likely ${low} to ${high} %)`;
}

const readinessWords: Readonly<Record<ModelReadiness, string>> = {
  warm: 'in memory, answers at once.',
  loading: 'being brought into memory, a moment.',
  cold: 'asleep on disk, its first answer takes a moment longer.',
};

/** Everything worth knowing before choosing. */
export function modelDetailsReply(model: ModelSummary, chosen: boolean): Reply {
  const example = model.exampleQuestions[0];
  const first: Button[] = [];
  if (!model.retired && !chosen) {
    first.push({ action: encodeAction('choose', model.slug), label: 'Choose this model', style: 'primary' });
  }
  if (!model.retired && example !== undefined) {
    first.push({ action: encodeAction('example', model.slug), label: `Ask: ${shorten(example, 50)}` });
  }
  return {
    text: lines(
      rich(bold(model.title), ` · version ${model.versionNumber}`, chosen && ' · chosen here'),
      model.retired && bold('Retired: it answers no more.'),
      shownText(model.description, 600),
      '',
      rich(bold('Price: '), priceWords(model), `. ${ceilingWords(model)}`),
      rich(bold('Where it goes: '), splitWords(model), '.'),
      evaluationWords(model),
      ...auditLines(model),
      model.readiness !== null && rich(bold('Now: '), readinessWords[model.readiness]),
      rich(
        bold('Made of: '),
        `datanet ${model.datanetSlug}, by ${count(model.contributors, 'contributor')}; ${count(model.calls, 'answer')} given so far.`,
      ),
      model.exampleQuestions.length > 0 && '',
      model.exampleQuestions.length > 0 && 'You could ask:',
      ...model.exampleQuestions.slice(0, 4).map((question) => italic(`• ${shownText(question, 150)}`)),
      '',
      small(`/model ${model.slug}`),
    ),
    buttons: [
      ...(first.length > 0 ? [first] : []),
      [datanetButton(model.datanetSlug, 'Its data'), modelsButton()],
    ],
    ephemeral: true,
  };
}

/** Said after a choice: what to do now. */
export function chosenReply(model: ModelSummary, isPrivate: boolean): Reply {
  const example = model.exampleQuestions[0];
  return {
    text: lines(
      rich(bold(model.title), ' answers you here from now on.'),
      isPrivate ? 'Just write your question.' : 'Ask with /ask, or mention me with your question.',
      small(
        `${priceWords(model)} · at most ${openAmount(model.ceilingNano)} · you see the most it can cost before it is written, and can stop it`,
      ),
    ),
    buttons:
      example === undefined
        ? [[modelsButton()]]
        : [
            [
              {
                action: encodeAction('example', model.slug),
                label: `Ask: ${shorten(example, 50)}`,
                style: 'primary',
              },
            ],
            [modelsButton()],
          ],
    ephemeral: true,
  };
}
