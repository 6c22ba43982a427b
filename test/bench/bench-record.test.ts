// The figures in the documents are those that were measured: every table of a bench is made from its JSON again and
// compared, and judged again against its goals.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFile } from '../shape/repository.ts';
import { type Figure, figureTable, verdictOf } from './bench-figure.ts';
import { type BenchRecord, documentsWith, recordPath, withRecord } from './bench-record.ts';
import { ratioOf } from './interleaved.ts';

const figure = (value: number, goal: Figure['goal']): Figure => ({
  name: 'speed',
  measure: 'ours / theirs',
  unit: '×',
  goal,
  value,
  low: 1.234,
  high: 4,
});

describe('a figure', () => {
  it('passes at its goal and fails beside it; without a value it does neither', () => {
    expect(verdictOf(figure(1.5, { atLeast: 1.5 }))).toBe('pass');
    expect(verdictOf(figure(1.499, { atLeast: 1.5 }))).toBe('FAIL');
    expect(verdictOf(figure(6, { atMost: 6 }))).toBe('pass');
    expect(verdictOf(figure(6.01, { atMost: 6 }))).toBe('FAIL');
    expect(verdictOf(figure(6.01, undefined))).toBe('');
    const missing: Figure = { name: 'a', measure: 'b', unit: 'ms', goal: { atMost: 1 }, missing: 'no peer' };
    expect(verdictOf(missing)).toBe('not measured');
    expect(figureTable([missing])).toContain('not measured: no peer');
  });

  it('of two interleaved sides is the median of the ratios of their rounds', () => {
    const over = { name: 'a', perSecond: [10, 30, 100], cpuMs: [1, 1, 1] };
    const under = { name: 'b', perSecond: [10, 10, 10], cpuMs: [2, 2, 2] };
    expect(ratioOf(over, under)).toMatchObject({ value: 3, low: 1, high: 10 });
    expect(ratioOf(over, under).details).toMatchObject({ 'ratio by CPU time': 2 });
  });
});

const recorded = readdirSync(dirname(recordPath('any'))).map((file) => basename(file, '.json'));

describe('a record', () => {
  it('of serving exists', () => expect(recorded).toContain('serve'));

  it('is written into its place in a document, again and again, and nowhere else', () => {
    const record: BenchRecord = {
      machine: { cpu: 'two cores', versions: 'Node 24' },
      figures: [figure(1.678, { atLeast: 1.5 }), figure(1.2, { atLeast: 1.5 })],
    };
    const page = 'before\n<!-- bench serve -->\nold\n<!-- end of bench serve -->\nafter\n';
    const filled = withRecord('serve', page, record);
    expect(filled).toBe(
      [
        'before',
        '<!-- bench serve -->',
        '',
        '| measure | goal | measured (least – most) |',
        '|---|---:|---:|',
        '| ours / theirs | ≥ 1.5× | 1.68× (1.23 – 4) |',
        '| ours / theirs | ≥ 1.5× | 1.2× (1.23 – 4), missed |',
        '',
        'On two cores; Node 24.',
        '',
        '<!-- end of bench serve -->',
        'after',
        '',
      ].join('\n'),
    );
    expect(withRecord('serve', filled, record)).toBe(filled);
    expect(withRecord('serve', 'no place', record)).toBe('no place');
    expect(withRecord('other', page, record)).toBe(page);
  });

  it.each(recorded)('of %s stands in the documents as it was measured', (bench) => {
    const documents = documentsWith(bench);
    expect(documents).toContain('test/bench/README.md');
    const record: BenchRecord = JSON.parse(readFileSync(recordPath(bench), 'utf8'));
    expect(record.figures.length).toBeGreaterThan(5);
    for (const document of documents) {
      const text = readFile(document);
      expect(withRecord(bench, text, record), `${document} differs from its record`).toBe(text);
    }
  });
});
