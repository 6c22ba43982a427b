// What an audit leaves out and asks: groups by contributor or in blocks, named by position; questions in words that were
// not trained, the same for the same data under other ids.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  auditExamples,
  auditGroups,
  auditQueries,
  GROUPS_LEAST,
} from '../../../../marketplace/attribution/audits/audit-plan.ts';

const contributions = (people: number, each: number, prefix = 'c') =>
  Array.from({ length: people * each }, (_, i) => ({
    id: `${prefix}-${i}`,
    personId: `person-${i % people}`,
    question: `What is the colour of thing ${i}?`,
    answer: `Thing ${i} is of colour ${i * 7}.`,
  }));

const groupsOf = (people: number, each: number) => [
  ...new Set(auditGroups(contributions(people, each)).values()),
];

describe('groups', () => {
  it('are the contributors where there are at least 8', () => {
    expect(groupsOf(GROUPS_LEAST, 5)).toEqual(Array.from({ length: 8 }, (_, i) => `group-${i}`));
  });

  it('are blocks of one contributor’s where there are 3, about 16 of 96 contributions', () => {
    const all = contributions(3, 32);
    const groups = auditGroups(all);
    expect(new Set(groups.values()).size).toBe(18); // 32 each in blocks of 6
    for (const one of all)
      for (const other of all)
        if (groups.get(one.id) === groups.get(other.id)) expect(one.personId).toBe(other.personId);
  });

  it('of one contributor with 9 contributions are 9', () => {
    expect(groupsOf(1, 9)).toHaveLength(9);
  });

  it('have the same names whatever the ids are, and every example its own', () => {
    const [here, there] = [contributions(9, 3, 'here'), contributions(9, 3, 'there')];
    const names = (all: typeof here) => auditExamples(all, auditGroups(all)).map(({ groupId }) => groupId);
    expect(names(here)).toEqual(names(there));
    expect(() => auditExamples(here, auditGroups(there))).toThrow(/no group/);
  });
});

describe('queries', () => {
  let demoDir: string;
  beforeAll(async () => {
    demoDir = await mkdtemp(join(tmpdir(), 'openmodels-audit-plan-'));
    const [first, second] = contributions(9, 3);
    const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join('\n');
    const facts = [
      { ...first, id: 'fact-1' },
      { ...second, id: 'fact-2' },
    ];
    const heldOut = {
      contributionId: 'fact-1',
      contributionIds: ['fact-1', 'fact-2', 'fact-9'],
      expected: 'x',
    };
    await writeFile(join(demoDir, 'things.jsonl'), lines(facts));
    await writeFile(
      join(demoDir, 'things.heldout.jsonl'),
      lines([{ ...heldOut, question: 'Thing 0: which colour?' }]),
    );
  });
  afterAll(() => rm(demoDir, { recursive: true }));

  const draw = (count: number, seed: number, prefix?: string) =>
    auditQueries(demoDir, 'things', contributions(9, 3, prefix), { count, seed });

  it('ask the shipped words where there are some, with every contribution that states the fact', async () => {
    const queries = await draw(27, 1);
    expect(queries.filter(({ question }) => question === 'Thing 0: which colour?')).toEqual([
      { question: 'Thing 0: which colour?', answer: 'Thing 0 is of colour 0.', goldIds: ['c-0', 'c-1'] },
    ]);
  });

  it('take every contribution for right that states the fact, by the shipped list or by the same answer', async () => {
    const copy = { id: 'copy', personId: 'person-x', question: 'And 5?', answer: 'thing 5 is of colour 35' };
    const all = [...contributions(9, 3), copy];
    const queries = await auditQueries(demoDir, 'things', all, { count: 28, seed: 1 });
    const gold = new Map(queries.map(({ goldIds = [] }) => [goldIds[0], goldIds.slice(1)]));
    expect(gold.get('c-1')).toEqual(['c-0']);
    expect([gold.get('c-5'), gold.get('copy')]).toEqual([['copy'], ['c-5']]);
    expect(gold.get('c-7')).toEqual([]);
  });

  it('ask a rewording elsewhere, never the words that were trained', async () => {
    const trained = new Set(contributions(9, 3).map(({ question }) => question));
    const queries = await draw(27, 1);
    expect(queries).toHaveLength(27);
    expect(queries.filter(({ question }) => trained.has(question))).toEqual([]);
  });

  it('are the same 10 for the same seed under other ids, others for another seed', async () => {
    const asked = async (seed: number, prefix?: string) =>
      (await draw(10, seed, prefix)).map(({ question }) => question);
    expect(await asked(1, 'other')).toEqual(await asked(1));
    expect(await asked(2)).not.toEqual(await asked(1));
  });
});
