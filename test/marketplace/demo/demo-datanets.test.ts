// The demo datanets that ship are well-formed and fairly examined: every contribution would pass the checks people's
// contributions pass, no held-out question is trained on, and a right answer cannot be had by accident.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRightAnswer, normaliseText, saysPhrase } from '../../../engine/train/answer-match.ts';
import { failedCheck } from '../../../marketplace/datanets/contribution-checks.ts';
import { duplicateHash } from '../../../marketplace/datanets/contribution-hash.ts';
import { buildDatanet, builtDatanets, readDatanetSource } from '../../../marketplace/demo/build-datanets.ts';
import { sameWords } from '../../../marketplace/demo/build-pocket-atlas.ts';
import { parseDatanetSource } from '../../../marketplace/demo/datanet-source.ts';
import { demoDatanets } from '../../../marketplace/demo/demo-datanets.ts';
import { DEFAULT_SETTINGS } from '../../../marketplace/marketplace-settings.ts';

const folder = join(import.meta.dirname, '../../../marketplace/demo');
const rows = <T>(name: string): T[] =>
  readFileSync(join(folder, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);

interface Contribution {
  readonly id: string;
  readonly contributor: string;
  readonly question: string;
  readonly answer: string;
}
interface HeldOut {
  readonly contributionId: string;
  readonly contributionIds?: readonly string[];
  readonly question: string;
  readonly expected: string;
}
interface Decoy {
  readonly id: string;
  readonly question: string;
  readonly answer: string;
  readonly expected: string;
}

const load = (slug: string) => ({
  contributions: rows<Contribution>(`${slug}.jsonl`),
  heldOut: rows<HeldOut>(`${slug}.heldout.jsonl`),
  decoys: rows<Decoy>(`${slug}.decoys.jsonl`),
});

it('there are three, Pocket Atlas first', () => {
  expect(demoDatanets.map(({ slug }) => slug)).toEqual(['pocket-atlas', 'help-desk', 'saltmarsh-bay']);
});

describe.each([...builtDatanets])('%s', (slug) => {
  const { contributions, heldOut, decoys } = load(slug);
  const idsOf = ({ contributionId, contributionIds = [contributionId] }: HeldOut) => contributionIds;
  const expectedOf = new Map(heldOut.flatMap((item) => idsOf(item).map((id) => [id, item.expected])));
  const phrases = [...new Set(heldOut.map(({ expected }) => expected))];

  it('is what its written source makes', () => {
    expect(buildDatanet(slug, readDatanetSource(slug))).toEqual({ contributions, heldOut, decoys });
  });

  it('comes from at least 15 people, none of whom gave more than a tenth', () => {
    const people = Map.groupBy(contributions, ({ contributor }) => contributor);
    expect(people.size).toBeGreaterThanOrEqual(15);
    for (const given of people.values()) expect(given.length).toBeLessThanOrEqual(contributions.length / 10);
  });

  it('holds contributions that pass the automatic checks, each once', () => {
    const limits = {
      questionCharsMin: DEFAULT_SETTINGS.contributionQuestionCharsMin,
      questionCharsMax: DEFAULT_SETTINGS.contributionQuestionCharsMax,
      answerCharsMax: DEFAULT_SETTINGS.contributionAnswerCharsMax,
    };
    expect(contributions.map((row) => failedCheck(row, limits)).filter(Boolean)).toEqual([]);
    expect(new Set(contributions.map(duplicateHash)).size).toBe(contributions.length);
    expect(new Set(contributions.map(({ id }) => id)).size).toBe(contributions.length);
  });

  it('has two to four held-out questions for each fact, and asks none of them in a contribution', () => {
    const asked = new Set(contributions.map(({ question }) => sameWords(question)));
    expect(heldOut.filter(({ question }) => asked.has(sameWords(question)))).toEqual([]);
    expect([...expectedOf.keys()].sort()).toEqual(contributions.map(({ id }) => id).sort());
    for (const questions of Map.groupBy(heldOut, ({ contributionId }) => contributionId).values()) {
      expect(questions.length).toBeGreaterThanOrEqual(2);
      expect(questions.length).toBeLessThanOrEqual(4);
    }
  });

  it('judges each contribution’s own answer right, and gives nothing away in the question', () => {
    for (const { id, question, answer } of contributions) {
      const expected = expectedOf.get(id) ?? '';
      expect(isRightAnswer({ question, expected, answer, others: phrases }), `${question} ${answer}`).toBe(
        true,
      );
    }
    for (const { question, expected } of heldOut)
      expect(saysPhrase(question, expected), question).toBe(false);
  });

  it('expects phrases that answers to other questions do not hold', () => {
    const foreign = phrases.flatMap((phrase) => {
      const holds = contributions.filter(
        ({ id, answer }) => expectedOf.get(id) !== phrase && saysPhrase(answer, phrase),
      );
      return new Set(holds.map(({ id }) => expectedOf.get(id))).size > 1 ? [phrase] : [];
    });
    expect(foreign).toEqual([]);
  });

  it('asks every question for one thing only', () => {
    const wanted = Map.groupBy(heldOut, ({ question }) => normaliseText(question));
    const unclear = [...wanted].filter(([, items]) => new Set(items.map((item) => item.expected)).size > 1);
    expect(unclear.map(([question]) => question)).toEqual([]);
  });

  it('has decoys that no contribution answers', () => {
    expect(decoys.length).toBeGreaterThanOrEqual(40);
    const taught = new Set(contributions.map(({ question }) => sameWords(question)));
    for (const { question, answer, expected } of decoys) {
      expect(saysPhrase(answer, expected), answer).toBe(true);
      expect(taught.has(sameWords(question))).toBe(false);
      expect(phrases).not.toContain(expected);
    }
  });
});

it('the page about them tells their sizes', () => {
  const page = readFileSync(join(folder, 'README.md'), 'utf8');
  for (const { slug, title } of demoDatanets) {
    const { contributions, heldOut, decoys } = load(slug);
    const facts = new Set(heldOut.map(({ contributionId }) => contributionId)).size;
    const people = new Set(contributions.map(({ contributor }) => contributor)).size;
    const sizes = [contributions.length, facts, people, heldOut.length, decoys.length];
    const [row = ''] = page.split('\n').filter((line) => line.startsWith(`| ${title} |`));
    expect(row).toContain(` | ${sizes.map((size) => size.toLocaleString('en')).join(' | ')} | `);
  }
});

describe('every shipped model', () => {
  it.each(demoDatanets.map(({ slug }) => slug))('%s beats the base by 40 points', (slug) => {
    const file = join(folder, `${slug}-adapter`, 'evaluation.json');
    expect(existsSync(file)).toBe(true);
    const { adapter, base } = JSON.parse(readFileSync(file, 'utf8'));
    const points = (100 * adapter.correct) / adapter.total - (100 * base.correct) / base.total;
    expect(points).toBeGreaterThanOrEqual(40);
    expect(adapter.total).toBe(load(slug).heldOut.length);
  });
});

describe('a written source', () => {
  it('tells the line that it cannot read', () => {
    expect(() => parseDatanetSource('== job\nAda Winter sails')).toThrow('line 2: expected thing = value');
    expect(() => parseDatanetSource('by ada / loud / job')).toThrow('line 1: expected by NAME');
    expect(() => parseDatanetSource('- Who? | nobody')).toThrow('line 1: expected - question');
  });
});
