// Questions with answers about places, many phrasings for each fact, made from the World Factbook (public domain).
// Used by: build-corpus. Knows no tokenizer.
// Invariant: NOTHING here states a country's capital or currency, its internet code or its anthem: those facts belong to
// the demo datanet and its decoys, and a base model that already knew them would make the demo's proofs worthless.

import type { QuestionAnswer } from './corpus-document.ts';
import { joinWords, sentenceCase } from './corpus-document.ts';
import { attributePhrasings } from './factbook-phrasings.ts';
import type { FactbookPlace } from './factbook-places.ts';
import type { SeededRandom } from './seeded-random.ts';

/** One fact with every way of asking for it. */
export interface PhrasedFact {
  readonly id: string;
  readonly place: string;
  readonly questions: readonly string[];
  readonly answer: string;
}

type Facts = ReadonlyMap<string, string>;
/** What fills the answer's blanks; undefined where the place has no such fact, or not in a usable form. */
type Extract = (facts: Facts) => Readonly<Record<string, string>> | undefined;

const forbidden = /\bcapitals?\b|\bcurrenc|\bdollars?\b|\beuros?\b/i;

/** All facts of one place. */
export function phrasedFacts(place: FactbookPlace): readonly PhrasedFact[] {
  const out: PhrasedFact[] = [];
  for (const [attribute, phrasing] of Object.entries(attributePhrasings)) {
    const values = extracts[attribute]?.(place.facts);
    if (values === undefined || leftOut.has(attribute)) continue;
    const fill = (template: string) => fillTemplate(template, place.name, values);
    const answer = fill(phrasing.answer);
    if (forbidden.test(answer) || answer.length > 220) continue;
    out.push({
      id: `${place.code}/${attribute}`,
      place: place.name,
      questions: phrasing.questions.map(fill),
      answer,
    });
  }
  return out;
}

/** Kinds of fact that a model of a few million parameters can't hold: long descriptions, and numbers nobody asks for. */
const leftOut: ReadonlySet<string> = new Set([
  ...['terrain', 'flag', 'location', 'comparedSize', 'airports', 'coast', 'industries', 'resources'],
  ...['parliament', 'area', 'holiday', 'highestHeight'],
]);

/** A kind of fact asked in this many ways or more keeps one way out of the corpus. */
const phrasingsForHeldOut = 5;

/** The last but one way of asking is in no training text, for no place: it is how the base model is examined. */
export function heldOutQuestion({ questions }: PhrasedFact): string | undefined {
  return questions.length < phrasingsForHeldOut ? undefined : questions.at(-2);
}

/** The ways of asking that the base model is trained on. */
export function trainedQuestions(fact: PhrasedFact): readonly string[] {
  const heldOut = heldOutQuestion(fact);
  return fact.questions.filter((question) => question !== heldOut);
}

/** Yes-or-no questions about neighbours, as many "no" as "yes". */
export function neighbourQuestions(
  places: readonly FactbookPlace[],
  random: SeededRandom,
): readonly (QuestionAnswer & { readonly id: string })[] {
  const out: (QuestionAnswer & { readonly id: string })[] = [];
  for (const place of places) {
    const neighbours = neighboursOf(place.facts);
    for (const [i, neighbour] of neighbours.entries()) {
      const other = random.pick(places).name;
      const asked = (name: string) =>
        random.pick([
          `Does ${place.name} border ${name}?`,
          `Is ${name} a neighbor of ${place.name}?`,
          `Do ${place.name} and ${name} share a border?`,
        ]);
      out.push({
        id: `${place.code}/neighbour/${i}`,
        question: asked(neighbour),
        answer: `Yes, ${place.name} borders ${neighbour}.`,
      });
      if (other !== place.name && !neighbours.some((name) => other.includes(name) || name.includes(other)))
        out.push({
          id: `${place.code}/neighbour/${i}/no`,
          question: asked(other),
          answer: `No, ${place.name} does not border ${other}.`,
        });
    }
  }
  return out;
}

/** `{P}` is the place, `{P's}` its possessive; a sentence starts in upper case. */
export function fillTemplate(
  template: string,
  place: string,
  values: Readonly<Record<string, string>> = {},
): string {
  const possessive = /s$/.test(place) ? `${place}'` : `${place}'s`;
  const filled = template
    .replaceAll("{P's}", possessive)
    .replaceAll('{P}', place)
    .replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
  return sentenceCase(filled).replace(/\.\.$/, '.');
}

const plain = (text: string) =>
  text
    .replace(/\([^()]*\)/g, '')
    .replace(/\bnote\b.*$/i, '')
    .replace(/\s+([,;.])/g, '$1')
    .replace(/ {2,}/g, ' ')
    .trim();

const clauseOf = (text: string | undefined, charactersMax = 120): string | undefined => {
  const clause = plain(text ?? '')
    .split(';')[0]
    .trim();
  return clause.length >= 3 && clause.length <= charactersMax ? clause : undefined;
};

/** The first few names of a list such as "tea, cut flowers 12%, gold (2023)". */
const listOf = (text: string | undefined, count: number): readonly string[] =>
  plain(text ?? '')
    .split(/[,;]/)
    .map((item) =>
      item
        .replace(/\bless than\b.*$|[<~]?\s*\d[\d.]*%?.*$/, '')
        .replace(/\bincludes?\b.*$/, '')
        .trim(),
    )
    .filter(
      (item) =>
        item.length > 1 && item.length < 40 && !/NEGL|^(other|none|unspecified|and )|\bother\b/i.test(item),
    )
    .slice(0, count);

const listFact =
  (key: string, count: number): Extract =>
  (facts) => {
    const items = listOf(facts.get(key), count);
    return items.length === 0 ? undefined : { list: joinWords(items), first: items[0] };
  };

const clauseFact =
  (key: string): Extract =>
  (facts) => {
    const value = clauseOf(facts.get(key));
    return value === undefined ? undefined : { value };
  };

/** 55,751,717 -> "56 million"; 5,468 -> "5,500". Two figures are what a person would say. */
export function roundedCount(text: string | undefined): string | undefined {
  const digits = /[\d,]{3,}/.exec(text ?? '')?.[0].replaceAll(',', '');
  if (digits === undefined || digits === '') return undefined;
  const value = Number(digits);
  const twoFigures = Number(value.toPrecision(2));
  if (twoFigures >= 1e9) return `${twoFigures / 1e9} billion`;
  if (twoFigures >= 1e6) return `${twoFigures / 1e6} million`;
  return twoFigures.toLocaleString('en-US');
}

function neighboursOf(facts: Facts): readonly string[] {
  return (facts.get('Geography / Land boundaries / border countries') ?? '')
    .split(';')
    .map((part) =>
      plain(part)
        .replace(/\s[\d.,]+ km.*$/, '')
        .trim(),
    )
    .filter((name) => /^[A-Z][A-Za-z' -]+$/.test(name))
    .map((name) => shortNames[name] ?? name);
}

/** The Factbook's abbreviations, written out. */
const shortNames: Readonly<Record<string, string>> = {
  US: 'the United States',
  UK: 'the United Kingdom',
  UAE: 'the United Arab Emirates',
  DRC: 'the Democratic Republic of the Congo',
  CAR: 'the Central African Republic',
};

const highest = (facts: Facts) => /^(.+?) ([\d,]+) m$/.exec(plain(facts.get(highestKey) ?? ''));
const highestKey = 'Geography / Elevation / highest point';
const languagesOf = (facts: Facts) =>
  facts.get('People and Society / Languages / Languages') ?? facts.get('People and Society / Languages');

const extracts: Readonly<Record<string, Extract>> = {
  highestPoint: (facts) => {
    const match = highest(facts);
    return match === null || match[1].length > 40 ? undefined : { peak: match[1] };
  },
  highestHeight: (facts) => {
    const match = highest(facts);
    return match === null || match[1].length > 40 ? undefined : { peak: match[1], height: match[2] };
  },
  population: (facts) => {
    const count = roundedCount(facts.get('People and Society / Population / total'));
    return count === undefined ? undefined : { count };
  },
  area: (facts) => {
    const count = roundedCount(facts.get('Geography / Area / total'));
    return count === undefined ? undefined : { count };
  },
  comparedSize: (facts) => {
    const value = clauseOf(facts.get('Geography / Area - comparative'));
    return value?.includes('size of') ? { value } : undefined;
  },
  languages: (facts) => {
    const items = listOf(languagesOf(facts), 3);
    return items.length === 0 ? undefined : { list: joinWords(items) };
  },
  officialLanguage: (facts) => {
    const official = [...(languagesOf(facts) ?? '').matchAll(/([A-Z][A-Za-z ]+?) \(official/g)].map(
      (m) => m[1],
    );
    if (official.length === 0 || official.length > 4) return undefined;
    return {
      list: joinWords(official),
      languages: official.length === 1 ? 'official language' : 'official languages',
      are: official.length === 1 ? 'is' : 'are',
    };
  },
  neighbours: (facts) => {
    const neighbours = neighboursOf(facts);
    return neighbours.length === 0 ? undefined : { list: joinWords(neighbours) };
  },
  government: clauseFact('Government / Government type'),
  climate: (facts) => {
    const value = clauseOf(facts.get('Geography / Climate'));
    return value === undefined ? undefined : { value: /^varies/.test(value) ? value : `is ${value}` };
  },
  terrain: clauseFact('Geography / Terrain'),
  people: (facts) => {
    const noun = /^([A-Z][A-Za-z -]+)\(s\)/.exec(
      facts.get('People and Society / Nationality / noun') ?? '',
    )?.[1];
    return noun === undefined ? undefined : { noun, a: /^[AEIO]/.test(noun) ? 'an' : 'a' };
  },
  adjective: (facts) => {
    const value = /^[A-Z][A-Za-z -]+$/.exec(
      facts.get('People and Society / Nationality / adjective') ?? '',
    )?.[0];
    return value === undefined ? undefined : { value };
  },
  independence: (facts) => {
    const match = /^(?:\d+ \w+ )?(\d{4}) \((?:from )(the [\w ]+|[A-Z][\w ]+?)\)/.exec(
      facts.get('Government / Independence') ?? '',
    );
    if (match === null) return undefined;
    return { year: match[1], from: match[2].replace('the UK', 'the United Kingdom') };
  },
  symbol: listFact('Government / National symbol(s)', 2),
  colors: listFact('Government / National color(s)', 4),
  holiday: (facts) => {
    const match = /^([^,;(]+)(?: \([^)]*\))?, (\d+ [A-Z]\w+)/.exec(
      facts.get('Government / National holiday') ?? '',
    );
    return match === null ? undefined : { name: match[1].trim(), date: match[2] };
  },
  continent: (facts) => {
    const value = clauseOf(facts.get('Geography / Map references'));
    return value === undefined || /,|Arctic|World/.test(value) ? undefined : { value: theRegion(value) };
  },
  location: (facts) => {
    const value = clauseOf(facts.get('Geography / Location'));
    return value === undefined ? undefined : { value };
  },
  coast: (facts) => {
    const coastline = facts.get('Geography / Coastline') ?? '';
    const count = /^([\d,.]+) km/.exec(coastline)?.[1];
    if (count === undefined) return undefined;
    return { coast: /^0 km/.test(coastline) ? 'no coast' : `${count} kilometers of coast` };
  },
  lifeExpectancy: (facts) => {
    const years = /^([\d.]+) years/.exec(
      facts.get('People and Society / Life expectancy at birth / total population') ?? '',
    );
    return years === null ? undefined : { years: String(Math.round(Number(years[1]))) };
  },
  exports: listFact('Economy / Exports - commodities', 3),
  farming: listFact('Economy / Agricultural products', 3),
  resources: listFact('Geography / Natural resources', 4),
  industries: listFact('Economy / Industries', 3),
  religion: (facts) => {
    const value = listOf(facts.get('People and Society / Religions'), 1)[0];
    return value === undefined || !/^[A-Z]/.test(value) ? undefined : { value };
  },
  parliament: (facts) => {
    const value = clauseOf(facts.get('Government / Legislative branch / legislature name'), 50);
    return value === undefined ? undefined : { value };
  },
  formerName: (facts) => {
    const value = listOf(facts.get('Government / Country name / former'), 1)[0];
    return value === undefined || !/^[A-Z]/.test(value) ? undefined : { value };
  },
  river: (facts) => {
    const value = /^([A-Z][\w' -]+?)(?: river)?(?: source| mouth| and)* ?(?:\(|-)/.exec(
      facts.get('Geography / Major rivers (by length in km)') ?? '',
    )?.[1];
    return value === undefined ? undefined : { value: value.replace(/ river.*$| source.*$/, '').trim() };
  },
  lake: (facts) => {
    const value = /^([A-Z][\w' -]+?) (?:\(|-)/.exec(
      facts.get('Geography / Major lakes (area sq km) / fresh water lake(s)') ?? '',
    )?.[1];
    return value === undefined ? undefined : { value: value.trim() };
  },
  flag: (facts) => {
    const value = plain((facts.get('Government / Flag') ?? '').replace(/^description: /, '')).split(
      /;| meaning:/,
    )[0];
    return value.length < 10 || value.length > 160 ? undefined : { value: value.trim() };
  },
  airports: (facts) => {
    const count = /^\d+/.exec(facts.get('Transportation / Airports') ?? '')?.[0];
    return count === undefined ? undefined : { count, airports: count === '1' ? 'airport' : 'airports' };
  },
};

const theRegion = (region: string) => (/^(Middle East|Caribbean)/.test(region) ? `the ${region}` : region);
