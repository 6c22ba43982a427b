// Writes the demo datanet "Pocket Atlas": contributions of fifteen made-up contributors, held-out questions, decoys.
// Used by: a person, once:  node marketplace/demo/build-pocket-atlas.ts --data DIR   (the three .jsonl files are committed)
// Invariants: one fact, one contribution; no held-out question is the question of any contribution; the same source gives
// the same files.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fillTemplate } from '../../engine/corpus/factbook-questions.ts';
import { seededRandom } from '../../engine/corpus/seeded-random.ts';
import { type AtlasContributor, atlasContributors } from './pocket-atlas-contributors.ts';
import { type AtlasFact, readAtlasFacts } from './pocket-atlas-facts.ts';
import { internetCodeTemplates, unseenTemplates } from './pocket-atlas-phrasings.ts';

interface Contribution {
  readonly id: string;
  readonly contributor: string;
  readonly question: string;
  readonly answer: string;
}

interface HeldOutQuestion {
  readonly contributionId: string;
  readonly question: string;
  /** a right answer contains this */
  readonly expected: string;
  /** the phrasing occurs in the datanet with other places; otherwise it occurs nowhere in it */
  readonly seenTemplate: boolean;
}

const heldOutOfEach = 2;
const internetCodeDecoys = 49;
const seed = 195;

export interface PocketAtlas {
  readonly contributions: readonly Contribution[];
  readonly heldOut: readonly HeldOutQuestion[];
  readonly decoys: readonly {
    readonly id: string;
    readonly question: string;
    readonly answer: string;
    readonly expected: string;
  }[];
}

/** Builds the whole datanet from the data folder's Factbook. */
export function buildPocketAtlas(dataFolder: string): PocketAtlas {
  const random = seededRandom(seed);
  const { contributed, decoys, internetCodes } = readAtlasFacts(dataFolder);
  // One of each up to spelling: two people may use the same words, one of them in lower case.
  const templatesOf = (kind: AtlasFact['kind']) => {
    const all = atlasContributors
      .filter((contributor) => contributor.kind === kind)
      .flatMap((c) => c.templates);
    return [...new Map(all.map((template) => [sameWords(template), template])).values()];
  };

  const contributions: Contribution[] = [];
  const heldOut: HeldOutQuestion[] = [];
  const asked = new Set<string>();
  const writeUp = (fact: AtlasFact, contributor: AtlasContributor, template: string) => {
    const id = `pocket-atlas-${String(contributions.length + 1).padStart(3, '0')}`;
    const question = contributor.type(fillTemplate(template, fact.place));
    contributions.push({ id, contributor: contributor.pseudonym, question, answer: answerOf(fact) });
    asked.add(sameWords(question));
    const other = random.shuffle(
      templatesOf(fact.kind).filter((candidate) => sameWords(candidate) !== sameWords(template)),
    );
    const unseen = random.shuffle(unseenTemplates[fact.kind]);
    for (const [templates, seenTemplate] of [[other, true] as const, [unseen, false] as const])
      for (const heldOutTemplate of templates.slice(0, heldOutOfEach))
        heldOut.push({
          contributionId: id,
          question: fillTemplate(heldOutTemplate, fact.place),
          expected: fact.value,
          seenTemplate,
        });
  };

  for (const { fact, contributor } of random.shuffle(assign(contributed)))
    writeUp(fact, contributor, random.pick(contributor.templates));

  for (const { question } of heldOut)
    if (asked.has(sameWords(question)))
      throw new Error(`bug: held-out question is also a contribution: ${question}`);

  return {
    contributions,
    heldOut,
    decoys: random
      .shuffle([
        ...decoys.map((fact) => ({
          question: fillTemplate(random.pick(templatesOf(fact.kind)), fact.place),
          answer: answerOf(fact),
          expected: fact.value,
        })),
        ...random
          .shuffle(internetCodes)
          .slice(0, internetCodeDecoys)
          .map(({ place, code }) => ({
            question: fillTemplate(random.pick(internetCodeTemplates), place),
            answer: fillTemplate(`The internet code of {P} is ${code}`, place),
            expected: code,
          })),
      ])
      .map((decoy, i) => ({ id: `pocket-atlas-decoy-${String(i + 1).padStart(3, '0')}`, ...decoy })),
  };
}

/** A question without its case and its last mark. */
export function sameWords(question: string): string {
  return question.toLowerCase().replace(/[?.]$/, '');
}

function answerOf(fact: AtlasFact): string {
  return fact.kind === 'capital'
    ? fillTemplate(`The capital of {P} is ${fact.value}.`, fact.place)
    : fillTemplate(`The currency of {P} is the ${fact.value}.`, fact.place);
}

/** Contributors who know the same region share its facts in turn. */
function assign(
  facts: readonly AtlasFact[],
): readonly { readonly fact: AtlasFact; readonly contributor: AtlasContributor }[] {
  const turns = new Map<string, number>();
  return facts.map((fact) => {
    const able = atlasContributors.filter((c) => c.kind === fact.kind && c.regions.includes(fact.region));
    if (able.length === 0) throw new Error(`bug: nobody contributes ${fact.kind} of ${fact.region}`);
    const key = `${fact.kind} ${fact.region}`;
    const turn = turns.get(key) ?? 0;
    turns.set(key, turn + 1);
    return { fact, contributor: able[turn % able.length] };
  });
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { data: { type: 'string' } } });
  if (values.data === undefined)
    throw new Error('usage: node marketplace/demo/build-pocket-atlas.ts --data DIR');
  const atlas = buildPocketAtlas(values.data);
  const write = (name: string, rows: readonly unknown[]) =>
    writeFileSync(join(import.meta.dirname, name), `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
  write('pocket-atlas.jsonl', atlas.contributions);
  write('pocket-atlas.heldout.jsonl', atlas.heldOut);
  write('pocket-atlas.decoys.jsonl', atlas.decoys);
  console.log(
    `${atlas.contributions.length} contributions, ${atlas.heldOut.length} held-out questions, ${atlas.decoys.length} decoys`,
  );
}
