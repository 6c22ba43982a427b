// Invented facts with a known source, stated by many people in several wordings, and questions about them in wordings that
// nobody used: what attribution is measured on. Used by the attribution bench and its tests. It measures nothing.
// Why such facts: nobody can know them from elsewhere, so whose statement taught an answer is known. Half of them are
// about two people, and often both directions are planted ("A's teacher is B", "B's landlord is A"), so the same words
// stand in statements of different facts: a search for words alone must err there.
// Invariants: the same seed gives the same facts; no question of a query, decoy or stranger is asked in any statement.
import type { Example } from '../../../engine/engine.ts';
import { seededRandom, shuffledIndices } from '../../../engine/train/training-random.ts';

export interface PlantedStatement extends Example {
  readonly contributor: string;
  /** Number of the fact it states. */
  readonly fact: number;
}

export interface PlantedQuery {
  readonly question: string;
  readonly answer: string;
  /** The words that a right answer says. */
  readonly expected: string;
  /** All statements of the fact. */
  readonly goldIds: readonly string[];
}

export interface PlantedFacts {
  /** In the order in which people gave them. */
  readonly statements: readonly PlantedStatement[];
  readonly contributors: readonly string[];
  readonly queries: readonly PlantedQuery[];
  /** Of the same kind about people whom no statement names; never trained. */
  readonly decoys: readonly Example[];
  /** The same about yet other people: what neither training nor the floor has seen. */
  readonly strangers: readonly Example[];
}

interface PlantedOptions {
  readonly seed: number;
  readonly contributors?: number;
  readonly perContributor?: number;
  readonly facts?: number;
  readonly queries?: number;
  readonly decoys?: number;
  readonly strangers?: number;
}

interface Field {
  /** Questions of statements, and those that only queries ask; {a} is the person. */
  readonly asked: readonly string[];
  readonly askedAnew: readonly string[];
  /** {b} is the value. */
  readonly answers: readonly [string, string];
  /** Left out = another person. */
  readonly values?: readonly string[];
}

const fields: readonly Field[] = [
  {
    asked: ['Who is the teacher of {a}?', 'Who teaches {a}?', 'Tell me the name of {a}’s teacher.'],
    askedAnew: ['Who gives lessons to {a}?', 'Do you know by whom {a} is taught?'],
    answers: ['The teacher of {a} is {b}.', '{a} is taught by {b}.'],
  },
  {
    asked: ['Who is the landlord of {a}?', 'Whose house does {a} rent?', 'To whom does {a} pay rent?'],
    askedAnew: ['Who owns the house in which {a} lives?', 'Name {a}’s landlord, please.'],
    answers: ['The landlord of {a} is {b}.', '{a} rents a house from {b}.'],
  },
  {
    asked: ['Who is the doctor of {a}?', 'Which doctor does {a} see?', 'Who treats {a} in case of illness?'],
    askedAnew: ['Whom does {a} call when ill?', 'Name the doctor that {a} goes to.'],
    answers: ['The doctor of {a} is {b}.', 'When ill, {a} goes to {b}.'],
  },
  {
    asked: ['Where does {a} live?', 'In which town is {a} at home?', 'What is the home town of {a}?'],
    askedAnew: ['Which town does {a} come home to?', 'Where would I find the house of {a}?'],
    answers: ['{a} lives in {b}.', 'The home of {a} is in {b}.'],
    values: [
      'Paris',
      'Rome',
      'Oslo',
      'Madrid',
      'Cairo',
      'Lima',
      'Vienna',
      'Athens',
      'Dublin',
      'Warsaw',
      'Berlin',
      'Tokyo',
    ],
  },
  {
    asked: ['What does {a} like to drink?', 'Which drink does {a} order?', 'What is in the cup of {a}?'],
    askedAnew: ['What should I pour for {a}?', 'What would {a} drink with us?'],
    answers: ['{a} likes to drink {b}.', 'The drink of {a} is {b}.'],
    values: ['tea', 'coffee', 'milk', 'water', 'wine', 'beer', 'lemon juice', 'apple juice', 'cocoa', 'rum'],
  },
  {
    asked: ['Which animal does {a} keep?', 'What pet does {a} have?', 'What kind of animal lives with {a}?'],
    askedAnew: ['Which pet waits for {a}?', 'What animal does {a} feed every day?'],
    answers: ['{a} keeps a {b}.', 'The pet of {a} is a {b}.'],
    values: ['dog', 'cat', 'horse', 'goat', 'parrot', 'rabbit', 'snake', 'mouse', 'duck', 'turtle'],
  },
];

const beginnings = [
  'Mar',
  'Tol',
  'Bren',
  'Kas',
  'Lor',
  'Vin',
  'Hel',
  'Dor',
  'Sel',
  'Gar',
  'Nim',
  'Par',
  'Ul',
  'Ros',
  'Fen',
];
const endings = ['ek', 'ona', 'is', 'ard', 'illa', 'um', 'eth', 'ova'];

interface Fact {
  readonly field: Field;
  readonly a: string;
  readonly b: string;
}

/** @throws Error where there are more facts than statements, or more people than names */
export function plantedFacts(options: PlantedOptions): PlantedFacts {
  const { seed, contributors = 40, perContributor = 6, facts = 120, queries = 60 } = options;
  const { decoys = 120, strangers = 40 } = options;
  const total = contributors * perContributor;
  if (facts > total) throw new Error(`bug: ${facts} facts in ${total} statements`);
  const random = seededRandom(seed, 61);
  const names = shuffled(
    beginnings.flatMap((beginning) => endings.map((ending) => beginning + ending)),
    random,
  );
  const cast = names.slice(0, Math.ceil(facts / 4));
  const planted = factsOf(cast, facts, random);
  const contributorIds = Array.from({ length: contributors }, (_, i) => `person-${i + 1}`);
  // Each fact once, then again and again: a fact has one to four statements.
  const times = planted.map(() => 1);
  for (let left = total - facts; left > 0; ) {
    const fact = Math.floor(random() * facts);
    if (times[fact] >= Math.max(4, Math.ceil(total / facts) + 1)) continue;
    times[fact] += 1;
    left -= 1;
  }
  const said = shuffled(
    times.flatMap((count, fact) => Array.from({ length: count }, (_, i) => ({ fact, i }))),
    random,
  );
  const statements = said.map(({ fact, i }, at): PlantedStatement => {
    const { field, a, b } = planted[fact];
    return {
      id: `statement-${at + 1}`,
      contributor: contributorIds[at % contributors],
      fact,
      question: fill(field.asked[(fact + i) % field.asked.length], a, b),
      answer: fill(field.answers[i % 2], a, b),
    };
  });
  const asked = shuffled(
    planted.map((_, fact) => fact),
    random,
  ).slice(0, queries);
  return {
    statements,
    contributors: contributorIds,
    queries: asked.map((fact) => {
      const { field, a, b } = planted[fact];
      return {
        question: fill(pick(field.askedAnew, random), a, b),
        answer: fill(field.answers[0], a, b),
        expected: b,
        goldIds: statements.filter((statement) => statement.fact === fact).map(({ id }) => id),
      };
    }),
    decoys: neverTaught('decoy', names.slice(cast.length), decoys, random),
    strangers: neverTaught('stranger', names.slice(cast.length + Math.ceil(decoys / 4)), strangers, random),
  };
}

function neverTaught(
  name: string,
  people: readonly string[],
  count: number,
  random: () => number,
): readonly Example[] {
  return factsOf(people.slice(0, Math.ceil(count / 4)), count, random).map(({ field, a, b }, i) => ({
    id: `${name}-${i + 1}`,
    question: fill(pick(field.asked, random), a, b),
    answer: fill(field.answers[i % 2], a, b),
  }));
}

/** Four facts a person, each of another field; where two are about the same two people, often in both directions. */
function factsOf(cast: readonly string[], count: number, random: () => number): readonly Fact[] {
  const made: Fact[] = [];
  const known = (field: Field, a: string): boolean =>
    made.some((fact) => fact.field === field && fact.a === a);
  for (let turn = 0; made.length < count; turn++) {
    const a = cast[turn % cast.length];
    const open = fields.filter((field) => !known(field, a));
    if (open.length === 0) throw new Error('bug: more facts than people have fields');
    const field = pick(open, random);
    const back = made.filter((fact) => fact.field.values === undefined && fact.b === a);
    const partner = back.length > 0 && random() < 0.6 ? pick(back, random).a : pick(cast, random);
    const b = field.values
      ? pick(field.values, random)
      : partner === a
        ? cast[(turn + 1) % cast.length]
        : partner;
    made.push({ field, a, b });
  }
  return made;
}

function fill(template: string, a: string, b: string): string {
  return template.replaceAll('{a}', a).replaceAll('{b}', b);
}

function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)];
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return [...shuffledIndices(items.length, random)].map((i) => items[i]);
}
