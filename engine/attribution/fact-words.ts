// What a question with its answer states, as words: what two contributions are compared by, beside their letters.
// Used by same-fact.ts and duplicate-clusters.ts. Pure; knows texts only, no ids and no people.
// Left out are words that carry no fact in English (articles, auxiliaries, pronouns, "please"): in other languages
// nothing is left out, so fewer paraphrases are seen there, and none too many. Numbers and negations are kept apart,
// because one of them changed is another fact however alike the rest is.
import type { Example } from '../engine.ts';
import { normaliseText } from '../train/answer-match.ts';

export interface FactWords {
  readonly question: ReadonlySet<string>;
  readonly answer: ReadonlySet<string>;
  /** Of both. */
  readonly all: ReadonlySet<string>;
  /** Stand in question and answer: what it is about. */
  readonly subject: ReadonlySet<string>;
  /** Of the question, written with a capital within a sentence. */
  readonly names: ReadonlySet<string>;
  /** Numbers of question and answer and negations of the answer, sorted, one text. */
  readonly exact: string;
  /** All words in order, normalised: what character shingles are taken from. */
  readonly text: string;
  /** Those of the answer. */
  readonly answerText: string;
  /** The answer's parts between commas, colons and full stops, in order: the words of each, normalised, and its names. */
  readonly clauses: readonly { readonly text: string; readonly names: ReadonlySet<string> }[];
}

const emptyWords = new Set(
  `a an the this that these those it its is are was were be been being am do does did done have has had having
  can could may might shall should will would must i you he she we they me him her us them my your his our their
  what which who whom whose when where why how of in on at to for from by with about as and or but if so then there
  here please tell give name say know think well hello hi hey quick question answer just also called call get got
  go going want need like let im ive id`.split(/\s+/),
);

const negations = new Set('no not never none nobody nothing without neither nor cannot'.split(' '));

/** A number with its sign, point and per cent, or + - * / between things: "2+2" and "2-2" are different questions. */
const exactMarks = /[+\-−×*/÷^=<>]?\s?\d+(?:[.,:/]\d+)*\s?%?|(?<=\S)\s?[+×*/÷^=<>](?=\s?\S)/gu;

export function factWords({ question, answer }: Pick<Example, 'question' | 'answer'>): FactWords {
  const asked = normaliseText(plainWords(question));
  const said = normaliseText(plainWords(answer));
  const inQuestion = contentWords(asked);
  const inAnswer = contentWords(said);
  return {
    question: inQuestion,
    answer: inAnswer,
    all: new Set([...inQuestion, ...inAnswer]),
    subject: new Set([...inAnswer].filter((word) => inQuestion.has(word))),
    names: namesOf(question),
    exact: [...numbersOf(`${question} ${answer}`), ...negationsOf(answer)].join(' '),
    text: `${asked} | ${said}`,
    answerText: said,
    clauses: plainWords(answer)
      .split(/[.,:;!?]+(?=\s|$)/u)
      .map((part) => ({ text: normaliseText(part), names: namesOf(part) }))
      .filter(({ text }) => text !== ''),
  };
}

/** Without what hangs on an apostrophe; a capital letter that stands alone is a name ("vitamin D", "plan B"). */
function plainWords(text: string): string {
  return text
    .replace(/n['’]t\b/gu, ' not')
    .replace(/['’](s|m|re|ve|ll|d)\b/gu, '')
    .replace(/(?<=[\p{L}\p{N}] )(?!I |A \p{L})(\p{Lu})(?![\p{L}\p{N}'’])/gu, '$1$1');
}

function contentWords(normalised: string): ReadonlySet<string> {
  return new Set(
    normalised.split(' ').filter((word) => word !== '' && !emptyWords.has(word) && !negations.has(word)),
  );
}

function numbersOf(text: string): readonly string[] {
  const found = [...text.normalize('NFKC').matchAll(exactMarks)].map(([mark]) => mark.replace(/\s/gu, ''));
  return [...new Set(found)].sort();
}

function negationsOf(answer: string): readonly string[] {
  const words = normaliseText(plainWords(answer)).split(' ');
  return [...new Set(words.filter((word) => negations.has(word)))].sort();
}

function namesOf(question: string): ReadonlySet<string> {
  const found = [...question.matchAll(/(?<=[\p{L}\p{N},;)] )\p{Lu}[\p{L}\p{M}]+/gu)];
  return contentWords(normaliseText(found.map(([word]) => word).join(' ')));
}
