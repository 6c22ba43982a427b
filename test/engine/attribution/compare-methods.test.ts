// The baselines against their formulas written out with the gradients themselves, and on a tiny model that learned 24 answers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { attributionMethods, type MethodQuery } from '../../../engine/attribution/attribution-method.ts';
import { compareMethods } from '../../../engine/attribution/compare-methods.ts';
import { seededNoise } from '../graph/tiny-train-graph.ts';
import { examples, makeTinyVersion } from './tiny-version.ts';

const noise = seededNoise(5);
const count = 6;
const widths = [7, 4];
const rates = [0.5, 0.25];
type Gradient = readonly (readonly number[])[]; // matrix by matrix
const gradient = (): Gradient => widths.map((width) => Array.from({ length: width }, noise));
/** [states][examples] */
const stored = rates.map(() => Array.from({ length: count }, gradient));
const asked = rates.map(gradient);
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, v, i) => sum + v * b[i], 0);
const whole = (a: Gradient, b: Gradient): number => dot(a.flat(), b.flat());

const methods = attributionMethods({
  texts: Array.from({ length: count }, (_, i) => `text ${i}`),
  matrices: widths.map((width, l) => ({
    width,
    gram: Float64Array.from(stored[0].flatMap((a) => stored[0].map((b) => dot(a[l], b[l])))),
  })),
  points: stored.map((list, state) => ({
    learningRateSum: rates[state],
    squares: Float64Array.from(list, (g) => whole(g, g)),
  })),
  damping: 0.1,
});
const query: MethodQuery = {
  text: 'text 3',
  points: stored.map((list, state) => ({
    matrices: widths.map((_, l) => Float64Array.from(list, (g) => dot(g[l], asked[state][l]))),
    whole: Float64Array.from(list, (g) => whole(g, asked[state])),
    self: whole(asked[state], asked[state]),
  })),
};
const scores = (id: string): Float64Array => {
  const method = methods.find((candidate) => candidate.id === id);
  if (method === undefined) throw new Error(`no method ${id}`);
  return method.scores(query);
};
const norm = (g: Gradient): number => Math.sqrt(whole(g, g));
const formulas: Readonly<Record<string, (i: number) => number>> = {
  dot: (i) => whole(stored[0][i], asked[0]),
  cosine: (i) => whole(stored[0][i], asked[0]) / norm(stored[0][i]) / norm(asked[0]),
  'tracin-cp': (i) => rates.reduce((sum, rate, t) => sum + rate * whole(stored[t][i], asked[t]), 0),
  less: (i) =>
    rates.reduce(
      (sum, rate, t) => sum + (rate * whole(stored[t][i], asked[t])) / norm(stored[t][i]) / norm(asked[t]),
      0,
    ),
  datainf: (i) =>
    widths.reduce((total, width, l) => {
      const list = stored[0].map((g) => g[l]);
      const lambda = list.reduce((sum, g) => sum + dot(g, g) / width, 0) / count / 10;
      const direction = asked[0][l].map(
        (value, at) =>
          list.reduce((sum, g) => sum + value - (dot(g, asked[0][l]) / (lambda + dot(g, g))) * g[at], 0) /
          (count * lambda),
      );
      return total + dot(direction, list[i]);
    }, 0),
};

describe('baselines', () => {
  it.each(Object.entries(formulas))('%s is its formula within 1e-9', (id, formula) => {
    scores(id).forEach((score, i) => {
      expect(Math.abs(score - formula(i))).toBeLessThan(1e-9);
    });
  });

  it('by words put the same text first; a random order is another for each question', () => {
    expect(scores('tf-idf').indexOf(Math.max(...scores('tf-idf')))).toBe(3);
    expect([...scores('random')]).not.toEqual([...scores('random')]);
  });
});

describe('methods compared on a tiny model', () => {
  const folder = mkdtempSync(join(tmpdir(), 'methods-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('name the example itself for its own words: cosine 24 of 24, exact Fisher at least 20, random at most 5', async () => {
    const version = await makeTinyVersion(folder);
    const tables = await compareMethods({ ...version, examples, queries: examples });
    expect(tables.map(({ id }) => id)).toEqual(methods.map(({ id }) => id));
    const own = (id: string): number => {
      const table = tables.find((candidate) => candidate.id === id);
      return table ? table.scores.filter((row, i) => row[i] === Math.max(...row)).length : Number.NaN;
    };
    expect(own('cosine')).toBe(24);
    expect(own('fisher-end')).toBeGreaterThanOrEqual(20);
    expect(own('random')).toBeLessThanOrEqual(5);
    for (const { scores: rows } of tables)
      for (const row of rows) expect(row.every(Number.isFinite) && row.length === 24).toBe(true);
    // n² products of 2,000 examples in 42 matrices are 1.3 GB: a version of more is compared by words alone.
    const large = await compareMethods({ ...version, examples, queries: examples, examplesMax: 23 });
    expect(large.map(({ id }) => id)).toEqual(['tf-idf', 'random']);
    expect(large[0].scores).toEqual(tables.find(({ id }) => id === 'tf-idf')?.scores);
  });
});
