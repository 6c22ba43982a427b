// The short form of `npm run bench -- attribution`, on every test run: 60 planted statements, 10 retrainings on halves, the
// shipped base. Ranges are so wide that only a broken method leaves them. Scores by chance stand beside ours: they must fail what ours pass.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ldsFigure } from '../../../engine/attribution/audit/audit-figures.ts';
import { attributionCharts } from './charts-measure.ts';
import { makeSubject, type Subject, smallSize } from './leave-out-subject.ts';
import { type MethodScores, scoreMethods } from './method-scores.ts';
import { plantedFacts } from './planted-facts.ts';
import { plantedFigures } from './planted-measure.ts';

const folder = mkdtempSync(join(tmpdir(), 'attribution-short-'));
const size = { ...smallSize, contributorHalves: 0, drops: 0, alone: 0, adapters: 0 };
let subject: Subject;
let methods: readonly MethodScores[];

beforeAll(async () => {
  subject = await makeSubject(join(folder, 'subject'), 3, size, () => undefined);
  methods = await scoreMethods(subject, join(folder, 'ensemble'), () => undefined);
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const method = (id: string): MethodScores => methods.find((each) => each.id === id) ?? methods[0];
const lds = ({ scores }: MethodScores): number =>
  ldsFigure(scores, subject.truth.halves)?.value ?? Number.NaN;

describe('attribution on planted facts', () => {
  it('foretells what 10 retrainings on halves do to 15 answers, and chance does not', () => {
    expect(lds(methods[0])).toBeGreaterThan(0.25);
    expect(Math.abs(lds(method('random')))).toBeLessThan(0.3);
  });

  it('pays one who states the fact first for more than 6 of 15 questions in words that nobody used', () => {
    expect(plantedFigures(subject.facts, methods[0]).top1.value).toBeGreaterThan(0.4);
    expect(plantedFigures(subject.facts, method('random')).top1.value).toBeLessThan(0.4);
  });

  it('had something to foretell: without the half that states it, an answer costs more', () => {
    const { facts, truth } = subject;
    const place = new Map(facts.statements.map(({ id }, at) => [id, at]));
    const changes = facts.queries.flatMap(({ goldIds }, query) => {
      const without = truth.halves.filter(({ leftOut }) =>
        goldIds.every((id) => leftOut.includes(place.get(id) ?? -1)),
      );
      return without.map(({ losses }) => losses[query] - truth.full.losses[query]);
    });
    expect(changes.length).toBeGreaterThan(5);
    expect(changes.reduce((sum, value) => sum + value, 0) / changes.length).toBeGreaterThan(0.1);
  });
});

describe('the pictures', () => {
  it('have a line for each method, of agreement and of sources found', () => {
    const moved = new Map([['asked again', [0, 0.02, 0.01]]]);
    const charts = attributionCharts(subject, methods, moved);
    for (const name of ['attribution-lds', 'attribution-recall'])
      for (const { name: shown } of methods) expect(charts.get(name)).toContain(`>${shown}<`);
    expect(charts.get('attribution-stability')).toContain('>asked again<');
    expect(attributionCharts(subject, methods, new Map()).has('attribution-stability')).toBe(false);
  });
});

describe('planted facts', () => {
  it('are the same for the same seed; no question of a query, decoy or stranger is asked in a statement; all facts are stated', () => {
    const facts = plantedFacts({ seed: 9 });
    expect(plantedFacts({ seed: 9 })).toEqual(facts);
    expect(facts.statements).toHaveLength(240);
    expect(new Set(facts.statements.map(({ fact }) => fact)).size).toBe(120);
    expect(new Set(facts.contributors).size).toBe(40);
    const asked = new Set(facts.statements.map(({ question }) => question));
    for (const { question } of [...facts.queries, ...facts.decoys, ...facts.strangers])
      expect(asked.has(question)).toBe(false);
    const decoys = new Set(facts.decoys.map(({ question }) => question));
    expect(facts.strangers.filter(({ question }) => !decoys.has(question))).toHaveLength(40);
    for (const { goldIds } of facts.queries) expect(goldIds.length).toBeGreaterThanOrEqual(1);
  });
});
