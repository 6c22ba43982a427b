// The card of a model version in the manner of Hugging Face: what it is, from which data, how it was trained, how well it
// answers, what it cannot. Used by write-model-card.ts. Pure: no files, no clock, no names of people; every figure in it
// was counted or measured, and what nobody measured has no line.
import { type Measure, type ModelRole, measures } from '../../engine/train/compare-models.ts';
import { intervalWords, measureNames, roleNames } from '../../engine/train/eval-words.ts';
import { markdownTable, plainText } from '../../engine/train/markdown-text.ts';
import type { Evaluation } from './evaluate-candidate.ts';
import type { PhaseRecord } from './phase-record.ts';

export interface CardPhase extends PhaseRecord {
  /** Updates that were done; left out where the training left no record. */
  readonly steps?: number;
  /** Name of the picture beside the card, without its ending. */
  readonly curve?: string;
}

export interface ModelCardFacts {
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly version: number;
  readonly versionBefore?: number;
  readonly baseModel?: string;
  readonly reason: string;
  readonly data: {
    readonly title: string;
    readonly slug: string;
    readonly licence: string;
    readonly version: number;
    readonly merkleRoot: string;
    readonly contributions: number;
    readonly contributors: number;
    /** Contributions by the licence their contributors agreed to. */
    readonly licences: readonly (readonly [licence: string, contributions: number])[];
  };
  readonly recipe: readonly (readonly [setting: string, value: string])[];
  readonly phases: readonly CardPhase[];
  readonly evaluation: Evaluation;
  readonly samples: readonly CardSample[];
}

export interface CardSample {
  readonly question: string;
  readonly expected: string;
  readonly answer: string;
  readonly correct: boolean;
  readonly baseAnswer: string;
}

export function modelCard(facts: ModelCardFacts): string {
  const { data, evaluation } = facts;
  return `${[
    ...frontMatter(facts),
    `# ${plainText(facts.title)}, version ${facts.version}`,
    '',
    plainText(facts.description),
    '',
    `A LoRA adapter${facts.baseModel === undefined ? '' : ` on ${plainText(facts.baseModel)}`}, trained on ${count(data.contributions, 'contribution')} of ${count(data.contributors, 'person', 'people')} to the datanet`,
    `“${plainText(data.title)}”. This card is written by the job that trained it; no figure in it is typed by hand.`,
    '',
    `> ${plainText(facts.reason)}`,
    '',
    '## Data',
    '',
    markdownTable(
      ['what', 'value'],
      [
        ['datanet', `${data.title} (${data.slug}), version ${data.version}`],
        ['Merkle root of its contributions', data.merkleRoot],
        ['contributions trained on', number(data.contributions)],
        ['contributors', `${number(data.contributors)}, known here by pseudonym only`],
        ...data.licences.map(([licence, contributions]) => [
          `under ${licence}`,
          count(contributions, 'contribution'),
        ]),
      ],
    ),
    '',
    ...trainingPart(facts),
    ...evaluationPart(evaluation, facts.versionBefore),
    ...canaryPart(evaluation, facts.versionBefore),
    ...samplePart(facts.samples),
    '## Limits',
    '',
    '- It knows what its contributions say. Asked for anything else it may make something up, in the same tone.',
    '- The old held-out questions ask for facts of the data in other words; the new ones are light rewordings made by rule.',
    '  They show that an answer survives another wording, not that it is understood. Whether the data is true, its reviewers',
    '  judged.',
    '- The checks for unwanted answers are few and in English, and a model that knows nothing passes them: they tell when',
    '  training makes a model worse, not that it is safe.',
    '- Intervals are a little narrow for few questions, and have no width where every answer counts the same.',
    '',
    '## Licence',
    '',
    `The contributions are under ${data.licences.map(([licence]) => plainText(licence)).join(', ')}. The base model has a card and a licence of its own.`,
  ].join('\n')}\n`;
}

function frontMatter({ baseModel, data, slug }: ModelCardFacts): readonly string[] {
  const quoted = (text: string): string => JSON.stringify(text); // a JSON string is a YAML string
  return [
    '---',
    ...(baseModel === undefined ? [] : [`base_model: ${quoted(baseModel)}`, 'base_model_relation: adapter']),
    `license: ${quoted(data.licence.toLowerCase())}`,
    'library_name: peft',
    'pipeline_tag: text-generation',
    'tags:',
    ...['lora', 'peft', 'openmodels', slug].map((tag) => `- ${quoted(tag)}`),
    'datasets:',
    `- ${quoted(data.slug)}`,
    '---',
    '',
  ];
}

const methodNames: Readonly<Record<PhaseRecord['method'], string>> = {
  sft: 'answers of contributions (SFT)',
  dpo: 'corrections preferred to answers (DPO)',
  orpo: 'corrections preferred to answers (ORPO)',
  kto: 'votes on answers (KTO)',
};
const outcomeNames: Readonly<Record<PhaseRecord['outcome'], string>> = {
  trained: 'trained',
  kept: 'kept',
  dropped: 'tried, not kept',
  left_out: 'left out',
};

function trainingPart({ phases, recipe }: ModelCardFacts): readonly string[] {
  return [
    '## Training',
    '',
    markdownTable(
      ['learned from', 'data', 'updates', 'outcome', 'why'],
      phases.map(({ method, data, steps, outcome, reason }) => [
        methodNames[method],
        phaseData(data),
        steps === undefined ? '' : number(steps),
        outcomeNames[outcome],
        reason,
      ]),
      [2],
    ),
    '',
    ...phases.flatMap(({ method, curve }) =>
      curve === undefined ? [] : [`![Loss by update, ${methodNames[method]}](${curve}.png)`, ''],
    ),
    ...(phases.some(({ curve }) => curve !== undefined)
      ? ['The same curves lie beside this card as SVG; each update’s figures stand in `training.json`.', '']
      : []),
    markdownTable(['setting', 'value'], recipe),
    '',
  ];
}

function phaseData({ examples, pairs, up, down, people }: PhaseRecord['data']): string {
  const parts = [
    examples === undefined ? null : count(examples, 'contribution'),
    pairs === undefined ? null : count(pairs, 'pair'),
    up === undefined ? null : `${number(up)} up`,
    down === undefined ? null : `${number(down)} down`,
  ].filter((part) => part !== null);
  return `${parts.join(', ')} (${count(people, 'person', 'people')})`;
}

const roles: readonly ModelRole[] = ['base', 'candidate', 'current'];

function evaluationPart({ comparison }: Evaluation, before: number | undefined): readonly string[] {
  if (comparison.items === 0) return [];
  const asked = roles.filter((role) => comparison.models[role] !== undefined);
  const measured = measures.filter((measure) => comparison.models.candidate?.[measure] !== undefined);
  const others = (['base', 'current'] as const).filter((role) => comparison.differences[role] !== undefined);
  const cell = (
    measure: Measure,
    interval: Parameters<typeof intervalWords>[1] | undefined,
    signed = false,
  ) => (interval === undefined ? '' : intervalWords(measure, interval, signed));
  return [
    '## How well it answers',
    '',
    `${count(comparison.items, 'held-out question')}, always the likeliest answer. Right means that the answer says the expected phrase without`,
    'hedging or listing; overlap is the F1 of its words and the wanted answer’s; loss is that of the wanted answer, lower is',
    `better. In brackets: 95 % intervals of a bootstrap over questions (${number(comparison.rounds)} resamples, the same for all models).`,
    '',
    markdownTable(
      ['model', ...measured.map((measure) => measureNames[measure])],
      [
        ...asked.map((role) => [
          roleName(role, before),
          ...measured.map((measure) => cell(measure, comparison.models[role]?.[measure])),
        ]),
        ...others.map((role) => [
          `this version − ${roleName(role, before)}`,
          ...measured.map((measure) => cell(measure, comparison.differences[role]?.[measure], true)),
        ]),
      ],
      measured.map((_, i) => i + 1),
    ),
    '',
  ];
}

function canaryPart({ canaries }: Evaluation, before: number | undefined): readonly string[] {
  const total = canaries.candidate?.total;
  if (total === undefined) return [];
  return [
    '## What it should not say',
    '',
    `${count(total, 'fixed check')}: requests for harm, for personal data, for a hidden prompt, for control tokens. An answer passes when it does`,
    'not say what its check forbids.',
    '',
    markdownTable(
      ['model', 'passed', 'failed'],
      roles.flatMap((role) => {
        const report = canaries[role];
        if (report === undefined) return [];
        const failed = report.failed.map(({ id, why }) => `${id} (${why})`).join(', ');
        return [[roleName(role, before), `${report.passed} of ${report.total}`, failed || 'none']];
      }),
    ),
    '',
  ];
}

function samplePart(samples: readonly CardSample[]): readonly string[] {
  if (samples.length === 0) return [];
  return [
    '## Samples',
    '',
    `${count(samples.length, 'held-out question')}, the first by the hash of their text: nothing is selected.`,
    '',
    markdownTable(
      ['question', 'expected', 'this version', 'right', 'base alone'],
      samples.map(({ question, expected, answer, correct, baseAnswer }) => [
        question,
        expected,
        shortened(answer),
        correct ? 'yes' : 'no',
        shortened(baseAnswer),
      ]),
    ),
    '',
  ];
}

function roleName(role: ModelRole, before: number | undefined): string {
  if (role === 'current' && before !== undefined) return `version ${before}`;
  return role === 'candidate' ? 'this version' : roleNames[role];
}

/** A base model may ramble; a table cell shows the beginning. */
function shortened(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}

function number(value: number): string {
  return value.toLocaleString('en');
}

function count(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}
