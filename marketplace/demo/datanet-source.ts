// Reads the written source of a demo datanet (`<name>.source.txt`): who contributes, what there is to know, how people
// ask and answer. Used by build-datanets.ts. Pure text in, data out; it decides nothing about who says what.
// Lines:  # remark   by NAME / typing / topics   == topic
//   a topic with a table:  ask, new, say (ways of asking, of held-out asking, of answering), thing = value, not thing = value
//   a single fact, a block:  ? asked  ~ held out  ! answer  = what a right answer contains
//   a single decoy:  - question | answer with its [expected phrase]

const typings = ['plain', 'lower', 'bare'] as const;

/** How somebody types: as it should be, in lower case, or without the last mark. */
export type Typing = (typeof typings)[number];

export interface SourceContributor {
  readonly pseudonym: string;
  readonly typing: Typing;
  readonly topics: readonly string[];
}

/** {P} is the thing, {P's} its possessive, {V} the value. */
export interface FactTable {
  readonly topic: string;
  readonly ask: readonly string[];
  readonly unseen: readonly string[];
  readonly say: readonly string[];
  readonly facts: readonly (readonly [thing: string, value: string])[];
  readonly decoys: readonly (readonly [thing: string, value: string])[];
}

export interface SingleFact {
  readonly topic: string;
  readonly asked: readonly string[];
  readonly heldOut: readonly string[];
  readonly answers: readonly string[];
  readonly expected: string;
}

export interface DatanetSource {
  readonly contributors: readonly SourceContributor[];
  readonly tables: readonly FactTable[];
  readonly singles: readonly SingleFact[];
  readonly decoys: readonly {
    readonly question: string;
    readonly answer: string;
    readonly expected: string;
  }[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

/** @throws Error naming the line that it cannot read */
export function parseDatanetSource(text: string): DatanetSource {
  const contributors: SourceContributor[] = [];
  const tables = new Map<string, Mutable<FactTable>>();
  const singles: Mutable<SingleFact>[] = [];
  const decoys: DatanetSource['decoys'][number][] = [];
  let topic = '';
  let single: Mutable<SingleFact> | undefined;
  const table = (): Mutable<FactTable> => {
    const known = tables.get(topic);
    if (known !== undefined) return known;
    const made = { topic, ask: [], unseen: [], say: [], facts: [], decoys: [] };
    tables.set(topic, made);
    return made;
  };
  const fact = (): Mutable<SingleFact> => {
    if (single === undefined) {
      single = { topic, asked: [], heldOut: [], answers: [], expected: '' };
      singles.push(single);
    }
    return single;
  };
  for (const [index, line] of text.split('\n').entries()) {
    const [, mark = '', rest = ''] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (line.trim() === '') single = undefined;
    else if (mark === 'by') contributors.push(contributorOf(rest, index));
    else if (mark === '==') topic = rest;
    else if (mark === 'ask') table().ask.push(rest);
    else if (mark === 'new') table().unseen.push(rest);
    else if (mark === 'say') table().say.push(rest);
    else if (mark === '?') fact().asked.push(rest);
    else if (mark === '~') fact().heldOut.push(rest);
    else if (mark === '!') fact().answers.push(rest);
    else if (mark === '=') fact().expected = rest;
    else if (mark === '-') decoys.push(decoyOf(rest, index));
    else if (mark === 'not') table().decoys.push(pairOf(rest, index));
    else if (mark !== '#') table().facts.push(pairOf(line, index));
  }
  return { contributors, tables: [...tables.values()], singles, decoys };
}

function contributorOf(text: string, index: number): SourceContributor {
  const [pseudonym, typing, topics] = text.split(' / ');
  const known = typings.find((each) => each === typing);
  if (known === undefined || topics === undefined)
    throw new Error(`line ${index + 1}: expected by NAME / ${typings.join('|')} / topics`);
  return { pseudonym, typing: known, topics: topics.split(' ') };
}

function pairOf(text: string, index: number): readonly [string, string] {
  const [thing, value, ...more] = text.split(' = ');
  if (value === undefined || more.length > 0) throw new Error(`line ${index + 1}: expected thing = value`);
  return [thing, value];
}

function decoyOf(text: string, index: number): DatanetSource['decoys'][number] {
  const found = /^(.+) \| (.*)\[(.+)\](.*)$/.exec(text);
  if (found === null) throw new Error(`line ${index + 1}: expected - question | answer with [expected]`);
  const [, question, before, expected, after] = found;
  return { question, answer: `${before}${expected}${after}`, expected };
}
