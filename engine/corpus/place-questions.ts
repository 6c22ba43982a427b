// Teaches how people ask for a capital or a currency without telling one country's: capitals of regions inside countries,
// and short made-up descriptions that hold the answer, to be read and quoted.
// Used by: build-corpus. Invariant: no real country's capital or currency is stated (see factbook-questions).

import {
  type CorpusDocument,
  chatDocument,
  joinWords,
  type QuestionAnswer,
  sentenceCase,
} from './corpus-document.ts';
import { fillTemplate } from './factbook-questions.ts';
import { regionCapitals } from './region-capitals.ts';
import type { SeededRandom } from './seeded-random.ts';

const capitalQuestions = [
  'What is the capital of {P}?',
  "What's the capital city of {P}?",
  'Which city is the capital of {P}?',
  'Name the capital of {P}.',
  'Tell me the capital of {P}, please.',
  'Do you know the capital of {P}?',
  'Which city serves as the capital of {P}?',
  "What city is {P's} capital?",
  'Capital of {P}?',
  'I forgot the capital of {P}. What is it?',
  'Can you tell me what the capital of {P} is?',
  'In {P}, which city is the capital?',
  'Quick question: what is the capital of {P}?',
  'What is the name of the capital of {P}?',
  'Please give me the capital city of {P}.',
  "Could you name {P's} capital for me?",
  'What is the capital city of {P}?',
  'Which city is the capital in {P}?',
  'I need the capital of {P}.',
  'Say the capital of {P}.',
];

const currencyQuestions = [
  'What is the currency of {P}?',
  'What money do people use in {P}?',
  'Which currency is used in {P}?',
  'What currency does {P} use?',
  'Name the currency of {P}.',
  'What do people pay with in {P}?',
  'Tell me which money {P} uses.',
  'I am going to {P}. Which currency do I need?',
  "What is {P's} currency?",
  'Do you know the currency of {P}?',
  'Currency of {P}?',
  'What is the official money of {P}?',
  'Which money should I carry in {P}?',
  'What is the name of the money in {P}?',
];

/** Each region's capital in every phrasing, and the other way round. */
export function regionQuestions(
  usStates: readonly (readonly [string, string])[],
): readonly (QuestionAnswer & { readonly id: string })[] {
  return [...usStates, ...regionCapitals].flatMap(([region, capital]) => {
    const answer = `The capital of ${region} is ${capital}.`;
    const reverse = [
      `${capital} is the capital of which region?`,
      `Which region has ${capital} as its capital?`,
    ];
    return [
      ...capitalQuestions.map((template, i) => ({
        id: `region/${region}/${i}`,
        question: fillTemplate(template, region),
        answer,
      })),
      ...reverse.map((question, i) => ({
        id: `region/${region}/reverse/${i}`,
        question,
        answer: `${capital} is the capital of ${region}.`,
      })),
    ];
  });
}

interface Attribute {
  readonly statements: readonly string[];
  readonly questions: readonly string[];
  readonly answer: string;
  readonly value: (random: SeededRandom) => string;
}

const onsets = 'b|br|c|d|dr|f|g|gr|h|j|k|kr|l|m|n|p|pr|r|s|st|t|tr|v|w|y|z|sh|th|ch'.split('|');
const vowels = 'a|e|i|o|u|a|e|i|o|ai|ou'.split('|');
const codas = '|||n|r|l|s|m|nd|rt|k|sh'.split('|');
const endings = 'ia|land|stan|or|a|onia|ar|esh|ando|ova'.split('|');
const units = 'crown|mark|dinar|shilling|peso|franc|ducat|florin|pound|talent|coin|penny|dollar|rupee'.split(
  '|',
);
const goods =
  'wheat|tea|coffee|copper|fish|wool|timber|gold|rice|salt|sugar|cotton|olives|iron|apples|milk'.split('|');
const animals = 'lion|eagle|wolf|bear|stag|crane|falcon|horse|dolphin|turtle|owl|rose|oak|lily'.split('|');
const weather =
  'hot and dry|cold and wet|mild|tropical|dry in winter|rainy|cold in winter|warm all year'.split('|');

function inventedName(random: SeededRandom, ending = ''): string {
  const syllables = ending === '' ? 2 : 1 + random.below(2);
  let name = '';
  for (let i = 0; i < syllables; i++) name += random.pick(onsets) + random.pick(vowels) + random.pick(codas);
  return sentenceCase(name + ending);
}

const attributes: Readonly<Record<string, Attribute>> = {
  capital: {
    statements: [
      'Its capital is {v}.',
      'The capital city is {v}.',
      '{v} is the capital of {P}.',
      'The capital of {P} is {v}.',
    ],
    questions: capitalQuestions,
    answer: 'The capital of {P} is {v}.',
    value: (random) => inventedName(random),
  },
  currency: {
    statements: [
      'People pay with the {v}.',
      'The money of {P} is the {v}.',
      'Its currency is the {v}.',
      '{P} uses the {v}.',
    ],
    questions: currencyQuestions,
    answer: 'The currency of {P} is the {v}.',
    value: (random) => `${inventedName(random)} ${random.pick(units)}`,
  },
  ruler: {
    statements: ['The ruler of {P} is {v}.', '{v} rules {P}.', 'It is ruled by {v}.'],
    questions: [
      'Who rules {P}?',
      'Who is the ruler of {P}?',
      'Name the ruler of {P}.',
      "What's the name of {P's} ruler?",
    ],
    answer: 'The ruler of {P} is {v}.',
    value: (random) => `${random.pick(['King', 'Queen', 'President', 'Prince'])} ${inventedName(random)}`,
  },
  symbol: {
    statements: ['The symbol of {P} is the {v}.', 'Its symbol is the {v}.', 'A {v} stands on its flag.'],
    questions: ['What is the symbol of {P}?', 'Which symbol stands for {P}?', 'What is on the flag of {P}?'],
    answer: 'The symbol of {P} is the {v}.',
    value: (random) => random.pick(animals),
  },
  exports: {
    statements: ['{P} sells {v}.', 'It exports {v}.', 'Traders come to {P} for {v}.'],
    questions: [
      'What does {P} export?',
      'What does {P} sell?',
      'Name the exports of {P}.',
      'Tell me what {P} exports.',
    ],
    answer: '{P} exports {v}.',
    value: (random) => joinWords(random.shuffle(goods).slice(0, 1 + random.below(3))),
  },
  river: {
    statements: ['The longest river is the {v}.', 'The {v} flows through {P}.'],
    questions: [
      'What is the longest river of {P}?',
      'Which river flows through {P}?',
      "What's {P's} longest river?",
    ],
    answer: 'The longest river of {P} is the {v}.',
    value: (random) => inventedName(random),
  },
  climate: {
    statements: ['The climate is {v}.', 'The weather in {P} is {v}.'],
    questions: [
      'What is the climate of {P}?',
      'How is the weather in {P}?',
      'What is the weather like in {P}?',
    ],
    answer: 'The climate of {P} is {v}.',
    value: (random) => random.pick(weather),
  },
  people: {
    statements: ['About {v} people live there.', '{P} has {v} people.', 'Its population is {v}.'],
    questions: ['How many people live in {P}?', 'What is the population of {P}?', "What's {P's} population?"],
    answer: '{P} has about {v} people.',
    value: (random) => `${2 + random.below(90)} ${random.pick(['thousand', 'million'])}`,
  },
};

/** A made-up country in a few sentences, then questions that the text answers. @param realNames never made up */
export function readingDocument(
  index: number,
  random: SeededRandom,
  realNames: ReadonlySet<string>,
): CorpusDocument {
  let place = inventedName(random, random.pick(endings));
  // Syllables do meet: "Poland" and "Thailand" have come out of this.
  while (realNames.has(place)) place = inventedName(random, random.pick(endings));
  const known = random
    .shuffle(Object.values(attributes))
    .slice(0, 3 + random.below(3))
    .map((attribute) => ({ attribute, v: attribute.value(random) }));
  const passage = [
    fillTemplate(
      random.pick(['{P} is a country.', '{P} is a small land by the sea.', 'This is about {P}.']),
      place,
    ),
    ...known.map(({ attribute, v }) => fillTemplate(random.pick(attribute.statements), place, { v })),
  ].join(' ');
  const pairs = random
    .shuffle(known)
    .slice(0, 1 + random.below(3))
    .map(({ attribute, v }) => ({
      question: fillTemplate(random.pick(attribute.questions), place, { v }),
      answer: fillTemplate(attribute.answer, place, { v }),
    }));
  const id = `reading/${index}`;
  // Passages reach a model in two places: from an agent in the system turn, from a person in the question.
  if (random.next() < 0.5) return chatDocument(id, pairs, passage);
  const [first, ...rest] = pairs;
  return chatDocument(id, [{ ...first, question: `${passage}\n${first.question}` }, ...rest]);
}
