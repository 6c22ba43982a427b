// The sources of the base model's corpus: which files, under which licence, how often, and how a row becomes documents.
// Used by: build-corpus. Knows no tokenizer. Share-alike and non-commercial texts have no entry here, nor have texts that
// are public domain in one country only. Left out on purpose: coffee-ordering dialogues (a datanet for tests).
// Invariant: no source states a country's capital or currency in a question, an answer or a line of talk.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CorpusDocument,
  chatDocument,
  cleanText,
  cutProse,
  type QuestionAnswer,
  type Turn,
} from './corpus-document.ts';
import { everydayTalks } from './everyday-talks.ts';
import { readFactbookPlaces } from './factbook-places.ts';
import { neighbourQuestions, phrasedFacts, trainedQuestions } from './factbook-questions.ts';
import { readingDocument, regionQuestions } from './place-questions.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';
import { smallTalk } from './small-talk.ts';

export interface CorpusSource {
  readonly name: string;
  readonly files: readonly string[];
  readonly licence: string;
  /** how many times a document of it is seen in one pass; below 1 it is sampled */
  readonly weight: number;
  /** the same in a pass of the last stage, where the learning rate falls: what people meet counts most there */
  readonly lastWeight: number;
  /** the same of its conversations in the instruct-tuning after pre-training; prose has none */
  readonly instructWeight: number;
  readonly read: (dataFolder: string, random: SeededRandom) => readonly CorpusDocument[];
}

interface Row {
  readonly [key: string]: unknown;
  readonly id?: string;
  readonly title?: string;
  readonly text?: string;
  readonly question?: string;
  readonly answer?: string;
  readonly turns?: readonly (readonly [string, string])[];
}

/** Facts that belong to the demo datanet, wherever they hide in questions and dialogue. */
const belongsToDemo = /\bcapital (city )?(of|in|is)\b|\bcurrency\b/i;

function readRows(dataFolder: string, file: string): readonly Row[] {
  return readFileSync(join(dataFolder, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

const wordsIn = (text: string) => text.split(/\s+/).length;

/** Of a pass, of a pass of the last stage, and of the instruct-tuning. */
type Weights = readonly [weight: number, lastWeight: number, instructWeight: number];

/** jsonl files with a `text` field, cut into pieces. */
const prose = (
  name: string,
  files: readonly string[],
  licence: string,
  [weight, lastWeight]: readonly [weight: number, lastWeight: number],
): CorpusSource => ({
  ...{ name, files, licence, weight, lastWeight, instructWeight: 0 },
  read: (dataFolder) =>
    files.flatMap((file) =>
      file.endsWith('.txt')
        ? cutProse(file, readFileSync(join(dataFolder, file), 'utf8'))
        : readRows(dataFolder, file).flatMap((row, i) => cutProse(row.id ?? `${file}/${i}`, row.text ?? '')),
    ),
});

/** jsonl files with `question` and `answer`; each row becomes one exchange, if `keep` allows. */
const questions = (
  name: string,
  file: string,
  licence: string,
  [weight, lastWeight, instructWeight]: Weights,
  shape: (row: Row) => QuestionAnswer | undefined,
): CorpusSource => ({
  ...{ name, files: [file], licence, weight, lastWeight, instructWeight },
  read: (dataFolder) =>
    readRows(dataFolder, file).flatMap((row, i) => {
      const pair = shape(row);
      if (pair === undefined || belongsToDemo.test(pair.question + pair.answer)) return [];
      return [
        chatDocument(row.id ?? `${file}/${i}`, [
          { question: cleanText(pair.question), answer: cleanText(pair.answer) },
        ]),
      ];
    }),
});

const asWritten = (row: Row): QuestionAnswer => ({ question: row.question ?? '', answer: row.answer ?? '' });

/** The first sentences of a long answer, up to `wordsMax`; undefined when even the first is too long. */
function shortAnswer(text: string, wordsMax: number): string | undefined {
  const sentences = text.replace(/^Key Points\s*-?\s*/i, '').match(/[^.!?]+[.!?]+(?=\s|$)/g) ?? [];
  let answer = '';
  for (const sentence of sentences) {
    if (wordsIn(answer + sentence) > wordsMax) break;
    answer += sentence;
  }
  return answer === '' ? undefined : answer.trim();
}

/** Two people talking: the first is the user. A dialogue is cut into stretches that fit a small context. */
function dialogueDocuments(row: Row, turnsMax: number): readonly CorpusDocument[] {
  const turns: Turn[] = [];
  for (const [speaker, content] of row.turns ?? []) {
    const role = speaker === (row.turns?.[0]?.[0] ?? '') ? 'user' : 'assistant';
    if (turns.at(-1)?.role === role) return [];
    turns.push({ role, content: cleanText(content) });
  }
  if (turns.some((turn) => belongsToDemo.test(turn.content) || turn.content === '')) return [];
  const documents: CorpusDocument[] = [];
  for (let at = 0; at + 1 < turns.length; at += turnsMax) {
    const stretch = turns.slice(at, at + turnsMax);
    if (stretch.length % 2 === 1) stretch.pop();
    if (stretch.length > 0) documents.push({ kind: 'chat', id: `${row.id}#${at}`, turns: stretch });
  }
  return documents;
}

const openstax = (name: string) => `text/openstax-${name}.ccby4.jsonl`;

export const corpusSources: readonly CorpusSource[] = [
  {
    name: 'factbook-questions',
    files: ['text/factbook-2026.cc0.jsonl'],
    licence: 'CC0-1.0',
    weight: 6,
    lastWeight: 3,
    instructWeight: 0.2,
    read: (dataFolder, random) => {
      const places = readFactbookPlaces(dataFolder);
      const singles = [
        ...places.flatMap(phrasedFacts).flatMap((fact) =>
          trainedQuestions(fact).map((question, i) => ({
            id: `${fact.id}/${i}`,
            question,
            answer: fact.answer,
          })),
        ),
        ...neighbourQuestions(places, random),
      ].map((pair) => chatDocument(pair.id, [pair]));
      // A third of a pass as short conversations about one place, so that a second question is nothing new.
      const talks = places.flatMap((place) => {
        const facts = phrasedFacts(place);
        return Array.from({ length: facts.length }, (_, i) =>
          chatDocument(`${place.code}/talk/${i}`, [
            // One talk in four begins as people do: with a word of greeting.
            ...(random.below(4) === 0 ? [random.pick(smallTalk)] : []),
            ...random
              .shuffle(facts)
              .slice(0, 2 + random.below(2))
              .map((fact) => ({ question: random.pick(trainedQuestions(fact)), answer: fact.answer })),
          ]),
        );
      });
      return [...singles, ...talks];
    },
  },
  {
    name: 'region-capitals',
    files: ['qa/corpora-facts.cc0.jsonl'],
    licence: 'CC0-1.0; the rest written for this project',
    weight: 3,
    lastWeight: 1,
    instructWeight: 0.2,
    read: (dataFolder) => {
      const states = readRows(dataFolder, 'qa/corpora-facts.cc0.jsonl').flatMap((row) => {
        const match = /^The capital of (.+) is (.+)\.$/.exec(row.answer ?? '');
        // "The capital of Georgia" is a question of the demo datanet, about the country.
        return match === null || match[1] === 'Georgia' ? [] : [[match[1], match[2]] as const];
      });
      return regionQuestions(states).map((pair) => chatDocument(pair.id, [pair]));
    },
  },
  {
    name: 'invented-places',
    files: [],
    licence: 'written for this project',
    weight: 0.3,
    lastWeight: 0.05,
    instructWeight: 0.02,
    read: (dataFolder, random) => {
      const realNames = new Set(readFactbookPlaces(dataFolder).map((place) => place.name));
      return Array.from({ length: 40000 }, (_, i) => readingDocument(i, random, realNames));
    },
  },
  {
    name: 'small-talk',
    files: [],
    licence: 'written for this project',
    weight: 60,
    lastWeight: 30,
    instructWeight: 12,
    read: () => smallTalk.map((pair, i) => chatDocument(`small-talk/${i}`, [pair])),
  },
  questions('element-and-river-questions', 'qa/corpora-facts.cc0.jsonl', 'CC0-1.0', [6, 4, 2], asWritten),
  {
    name: 'everyday-dialogue',
    files: ['dialogue/self-dialogue.bsd3.jsonl'],
    licence: 'BSD-3-Clause',
    weight: 0.5,
    lastWeight: 0.15,
    instructWeight: 0.01,
    read: (dataFolder) =>
      readRows(dataFolder, 'dialogue/self-dialogue.bsd3.jsonl').flatMap((row) => dialogueDocuments(row, 6)),
  },
  {
    name: 'chatterbot',
    files: ['dialogue/chatterbot-english.bsd3.jsonl'],
    licence: 'BSD-3-Clause',
    weight: 4,
    lastWeight: 3,
    instructWeight: 2,
    read: (dataFolder) =>
      readRows(dataFolder, 'dialogue/chatterbot-english.bsd3.jsonl').flatMap((row) =>
        dialogueDocuments(row, 6),
      ),
  },
  questions('definitions', 'qa/openstax-terms.ccby4.jsonl', 'CC-BY-4.0', [1, 0.3, 0.2], (row) =>
    row.subject === 'anatomy-physiology' && !/[0-4]$/.test(row.id ?? '') ? undefined : asWritten(row),
  ),
  questions('medical-questions', 'qa/medquad.ccby4.jsonl', 'CC-BY-4.0', [0.3, 0.1, 0.05], (row) => {
    const answer = shortAnswer(row.answer ?? '', 45);
    if (answer === undefined || wordsIn(answer) < 8) return undefined;
    return { question: (row.question ?? '').replace('is (are)', 'is').replace(/ \?$/, '?'), answer };
  }),
  questions('travel-questions', 'qa/dstc9-faq.apache2.jsonl', 'Apache-2.0', [0.1, 0.03, 0.02], (row) => ({
    question: `${row.entity}: ${row.question}`,
    answer: String(row.answer),
  })),
  questions('sums-in-words', 'qa/gsm8k-train.mit.jsonl', 'MIT', [0.3, 0.05, 0.03], asWritten),
  ...['seed_tasks', 'user_oriented'].map(
    (part): CorpusSource => ({
      name: `instructions-${part}`,
      files: [`instruct/self-instruct-${part}.apache2.jsonl`],
      licence: 'Apache-2.0',
      weight: 3,
      lastWeight: 3,
      instructWeight: 2,
      read: (dataFolder) =>
        readRows(dataFolder, `instruct/self-instruct-${part}.apache2.jsonl`).flatMap((row) => {
          const instances = row.instances as readonly { readonly input: string; readonly output: string }[];
          return instances.slice(0, 2).flatMap(({ input, output }, i) => {
            const question = cleanText(`${row.instruction}${input === '' ? '' : `\n${input}`}`);
            const tooLong = wordsIn(question) > 90 || wordsIn(output) > 130;
            if (tooLong || belongsToDemo.test(question + output)) return [];
            return [chatDocument(`${row.id}/${i}`, [{ question, answer: cleanText(output) }])];
          });
        }),
    }),
  ),
  {
    name: 'factbook-backgrounds',
    files: ['text/factbook-2026.cc0.jsonl'],
    licence: 'CC0-1.0',
    weight: 2,
    lastWeight: 1,
    instructWeight: 0,
    read: (dataFolder) =>
      readFactbookPlaces(dataFolder).flatMap((place) => {
        const text = (place.facts.get('Introduction / Background') ?? '')
          .split(/(?<=[.!?]) /)
          .filter((sentence) => !/\bcapital\b|\bcurrency\b|\beuros?\b/i.test(sentence))
          .join(' ')
          // Family names stand in capitals there.
          .replace(/\b([A-Z])([A-Z]{4,})\b/g, (_, first: string, rest: string) => first + rest.toLowerCase());
        return cutProse(`${place.code}/background`, text, 1600);
      }),
  },
  prose('african-storybook', ['text/african-storybook-en.ccby.jsonl'], 'CC-BY-4.0', [6, 5]),
  prose('children-gutenberg', ['text/gutenberg-children.pd.jsonl'], 'public domain', [3, 2]),
  prose('children-standard-ebooks', ['text/standardebooks-children.cc0.jsonl'], 'CC0-1.0', [2, 0.8]),
  prose('fiction-standard-ebooks', ['text/standardebooks-fiction.cc0.jsonl'], 'CC0-1.0', [0.5, 0.08]),
  prose(
    'textbooks',
    [
      ...[
        'american-government',
        'anatomy-physiology',
        'astronomy',
        'college-success',
        'entrepreneurship',
        'introduction-anthropology',
        'introduction-business',
        'introduction-political-science',
        'introduction-sociology',
        'principles-economics-bundle',
        'world-history',
        'writing-guide',
      ].map(openstax),
      ...['philosophy', 'psychology-2e', 'us-history'].map((name) => `text/openstax-${name}.ccby.txt`),
    ],
    'CC-BY-4.0',
    [0.25, 0.04],
  ),
  prose('plain-language', ['text/plainlanguage-gov.cc0.jsonl'], 'CC0-1.0', [2, 1]),
  prose('recipes', ['text/public-domain-recipes.unlicense.jsonl'], 'Unlicense', [1, 0.3]),
  {
    name: 'everyday-talks',
    files: [],
    licence: 'written for this project',
    weight: 0,
    lastWeight: 0,
    instructWeight: 1,
    read: () => everydayTalks(9000, seededRandom(1)),
  },
];
