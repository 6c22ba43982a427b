// Writes the demo datanets "Help Desk" and "Saltmarsh Bay" from their written sources: contributions, held-out questions
// and decoys. Used by a person after a change of a source: node marketplace/demo/build-datanets.ts
// Invariants: no held-out question is the question of any contribution; a fact is stated by
// several people, each of whom asks in another way; the same source gives the same files.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fillTemplate } from '../../engine/corpus/factbook-questions.ts';
import { hashText, type SeededRandom, seededRandom } from '../../engine/corpus/seeded-random.ts';
import { sameWords } from './build-pocket-atlas.ts';
import {
  type DatanetSource,
  type FactTable,
  parseDatanetSource,
  type SingleFact,
  type SourceContributor,
  type Typing,
} from './datanet-source.ts';

interface Contribution {
  readonly id: string;
  readonly contributor: string;
  readonly question: string;
  readonly answer: string;
}

interface HeldOutQuestion {
  /** The contribution that states the fact; the first of them where several do. */
  readonly contributionId: string;
  /** All that state it, where there are several. */
  readonly contributionIds?: readonly string[];
  readonly question: string;
  /** a right answer contains this */
  readonly expected: string;
  /** the phrasing occurs in the datanet with other things; otherwise it occurs nowhere in it */
  readonly seenTemplate: boolean;
}

interface BuiltDatanet {
  readonly contributions: readonly Contribution[];
  readonly heldOut: readonly HeldOutQuestion[];
  readonly decoys: readonly {
    readonly id: string;
    readonly question: string;
    readonly answer: string;
    readonly expected: string;
  }[];
}

/** One fact before it has ids: who says it how, and how it is asked again. */
interface WrittenFact {
  readonly said: readonly Omit<Contribution, 'id'>[];
  readonly expected: string;
  readonly heldOut: readonly { readonly question: string; readonly seenTemplate: boolean }[];
}

export const builtDatanets = ['help-desk', 'saltmarsh-bay'] as const;
const seed = 195;
const unseenOfEach = 2;
/** How many people state a fact of a table, each in other words. */
const voices = 2;

/** @param slug begins every id; @throws Error beginning "bug:" where the source breaks an invariant */
export function buildDatanet(slug: string, source: DatanetSource): BuiltDatanet {
  const random = seededRandom(seed);
  const facts = random.shuffle([
    ...source.tables.flatMap((table) => factsOfTable(table, source.contributors, random)),
    ...source.singles.map((single, index) => singleFact(single, index, source.contributors)),
  ]);
  // The contributions of one fact do not stand side by side: people come as they come.
  const order = random.shuffle(
    facts.flatMap((fact, at) => fact.said.map((contribution) => ({ at, contribution }))),
  );
  const contributions = order.map(({ contribution }, i) => ({ id: idOf(slug, i), ...contribution }));
  const heldOut = facts.flatMap(({ expected, heldOut: questions }, at) => {
    const [contributionId, ...more] = order.flatMap((each, i) => (each.at === at ? [idOf(slug, i)] : []));
    const all = more.length === 0 ? {} : { contributionIds: [contributionId, ...more] };
    return questions.map((each) => ({ contributionId, ...all, ...each, expected }));
  });
  const asked = new Set(contributions.map(({ question }) => sameWords(question)));
  for (const { question } of heldOut)
    if (asked.has(sameWords(question)))
      throw new Error(`bug: held-out question is also a contribution: ${question}`);
  const decoys = random
    .shuffle([...source.tables.flatMap((table) => decoysOfTable(table, random)), ...source.decoys])
    .map((decoy, i) => ({ id: `${slug}-decoy-${String(i + 1).padStart(3, '0')}`, ...decoy }));
  return { contributions, heldOut, decoys };
}

const idOf = (slug: string, index: number): string => `${slug}-${String(index + 1).padStart(3, '0')}`;

/** Contributors who know the topic share its facts in turn; each has one way of answering. */
function factsOfTable(
  table: FactTable,
  contributors: readonly SourceContributor[],
  random: SeededRandom,
): readonly WrittenFact[] {
  const able = ableTo(table.topic, contributors);
  return random.shuffle(table.facts).map(([thing, value], turn) => {
    const [other, ...asks] = random.shuffle(table.ask);
    const said = asks.slice(0, voices).map((ask, voice) => {
      const contributor = able[(turn * voices + voice) % able.length];
      const say = table.say[hashText(contributor.pseudonym + table.topic) % table.say.length];
      return {
        contributor: contributor.pseudonym,
        question: typed(fillTemplate(ask, thing), contributor.typing),
        answer: fillTemplate(say, thing, { V: value }),
      };
    });
    const unseen = random.shuffle(table.unseen).slice(0, unseenOfEach);
    return {
      said,
      expected: value,
      heldOut: [
        { question: fillTemplate(other, thing), seenTemplate: true },
        ...unseen.map((template) => ({ question: fillTemplate(template, thing), seenTemplate: false })),
      ],
    };
  });
}

/** Each way of asking comes from another person. */
function singleFact(
  { topic, asked, heldOut, answers, expected }: SingleFact,
  index: number,
  contributors: readonly SourceContributor[],
): WrittenFact {
  const able = ableTo(topic, contributors);
  if (able.length < asked.length) throw new Error(`bug: too few people know about ${topic}`);
  return {
    said: asked.map((question, i) => {
      const contributor = able[(index * 2 + i) % able.length];
      return {
        contributor: contributor.pseudonym,
        question: typed(question, contributor.typing),
        answer: answers[i % answers.length],
      };
    }),
    expected,
    heldOut: heldOut.map((question) => ({ question, seenTemplate: false })),
  };
}

function decoysOfTable(table: FactTable, random: SeededRandom): DatanetSource['decoys'] {
  return table.decoys.flatMap(([thing, value]) =>
    random
      .shuffle(table.ask)
      .slice(0, 2)
      .map((ask, i) => ({
        question: fillTemplate(ask, thing),
        answer: fillTemplate(table.say[i % table.say.length], thing, { V: value }),
        expected: value,
      })),
  );
}

function ableTo(topic: string, contributors: readonly SourceContributor[]): readonly SourceContributor[] {
  const able = contributors.filter(({ topics }) => topics.includes(topic));
  if (able.length === 0) throw new Error(`bug: nobody knows about ${topic}`);
  return able;
}

function typed(question: string, typing: Typing): string {
  if (typing === 'lower') return question.toLowerCase();
  return typing === 'bare' ? question.replace(/[?.]$/, '') : question;
}

/** Reads the committed source of a demo datanet. */
export function readDatanetSource(slug: string): DatanetSource {
  return parseDatanetSource(readFileSync(join(import.meta.dirname, `${slug}.source.txt`), 'utf8'));
}

if (import.meta.main)
  for (const slug of builtDatanets) {
    const { contributions, heldOut, decoys } = buildDatanet(slug, readDatanetSource(slug));
    const write = (name: string, rows: readonly unknown[]) =>
      writeFileSync(
        join(import.meta.dirname, name),
        `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`,
      );
    write(`${slug}.jsonl`, contributions);
    write(`${slug}.heldout.jsonl`, heldOut);
    write(`${slug}.decoys.jsonl`, decoys);
    console.log(
      `${slug}: ${contributions.length} contributions, ${heldOut.length} held-out questions, ${decoys.length} decoys`,
    );
  }
