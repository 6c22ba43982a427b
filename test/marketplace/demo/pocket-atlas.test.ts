// The demo datanet that ships: one fact for one contribution, questions held out for good, and files that match their source.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildPocketAtlas, sameWords } from '../../../marketplace/demo/build-pocket-atlas.ts';
import { sharedData } from '../../engine/model/shared-data.ts';

const folder = join(import.meta.dirname, '../../../marketplace/demo');
const rows = <T>(name: string): T[] =>
  readFileSync(join(folder, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);

const contributions = rows<{ id: string; contributor: string; question: string; answer: string }>(
  'pocket-atlas.jsonl',
);
const heldOut = rows<{ contributionId: string; question: string; expected: string; seenTemplate: boolean }>(
  'pocket-atlas.heldout.jsonl',
);
const decoys = rows<{ id: string; question: string; answer: string; expected: string }>(
  'pocket-atlas.decoys.jsonl',
);

describe('Pocket Atlas', () => {
  it('has 330 contributions of 15 contributors, each fact once', () => {
    expect(contributions).toHaveLength(330);
    expect(new Set(contributions.map(({ contributor }) => contributor)).size).toBe(15);
    for (const key of ['id', 'question', 'answer'] as const)
      expect(new Set(contributions.map((row) => row[key])).size).toBe(330);
  });

  it('has two held-out questions of a known phrasing and two of an unknown one for each fact', () => {
    for (const { id } of contributions) {
      const own = heldOut.filter(({ contributionId }) => contributionId === id);
      expect(own.map(({ seenTemplate }) => seenTemplate)).toEqual([true, true, false, false]);
      expect(new Set(own.map(({ question }) => question)).size).toBe(4);
    }
  });

  it('asks no held-out question in the datanet, not even in other case', () => {
    const asked = new Set(contributions.map(({ question }) => sameWords(question)));
    expect(heldOut.filter(({ question }) => asked.has(sameWords(question)))).toEqual([]);
  });

  it('expects what the contribution says, and no answer is in its question', () => {
    const answers = new Map(contributions.map(({ id, answer }) => [id, answer]));
    for (const { contributionId, question, expected } of heldOut) {
      expect(answers.get(contributionId)).toContain(expected);
      expect(question).not.toContain(expected);
    }
  });

  it('has 160 decoys that no contribution answers', () => {
    expect(decoys).toHaveLength(160);
    const taught = new Set(contributions.flatMap(({ question, answer }) => [sameWords(question), answer]));
    for (const { question, answer, expected } of decoys) {
      expect(answer).toContain(expected);
      expect(taught.has(sameWords(question)) || taught.has(answer)).toBe(false);
    }
  });

  const data = sharedData('text');
  it.skipIf(data === undefined)('is what its generator makes of the source', () => {
    expect(buildPocketAtlas(join(data!, '..'))).toEqual({ contributions, heldOut, decoys });
  });
});
