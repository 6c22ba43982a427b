// What an audit must find: the thresholds, figures that could not be measured, and the words receipts tell it in.
import { describe, expect, it } from 'vitest';
import type { AuditFigures } from '../../../../engine/audit-job.ts';
import { shortfalls, shortfallWords } from '../../../../marketplace/attribution/audits/audit-verdict.ts';
import { readReport, reportToStore } from '../../../../marketplace/attribution/audits/stored-report.ts';
import { fakeReport } from '../../../support/fake-audit.ts';

const needed = { auditLdsMin: 0.3, auditTop1Min: 0.8 };

function found(lds: number, top1: number, goldQueries = 9) {
  return shortfalls({ figures: fakeReport({ lds, top1 }).figures, goldQueries }, needed);
}

describe('an audit passes', () => {
  it('with both figures at their thresholds, 0.30 and 0.80', () => {
    expect(found(0.3, 0.8)).toEqual([]);
  });

  it('by the first figure alone where no question has a known source', () => {
    expect(found(0.3, 0.1, 0)).toEqual([]);
  });
});

describe('an audit does not pass', () => {
  it.each([
    [0.299, 0.95, 'agreement with retraining 0.30, needed 0.30'],
    [0.7, 0.79, 'right source named first 0.79, needed 0.80'],
    [-0.1, 0.2, 'agreement with retraining -0.10, needed 0.30; right source named first 0.20, needed 0.80'],
    [Number.NaN, 0.9, 'agreement with retraining not measured, needed 0.30'],
  ])('with agreement %d and first named %d', (lds, top1, words) => {
    expect(shortfallWords(found(lds, top1))).toBe(words);
  });

  it('when its figure could not be measured at all', () => {
    const figures: AuditFigures = { ...fakeReport().figures, lds: null };
    expect(shortfalls({ figures, goldQueries: 0 }, needed)).toEqual([
      { figure: 'lds', found: null, needed: 0.3 },
    ]);
  });
});

describe('a stored report', () => {
  const report = {
    ...fakeReport({ lds: Number.NaN, top1: 0.9 }),
    subsets: [
      { keptGroupIds: ['group-0'], adapterDir: '/somewhere/data/audits/v/a/0' },
      { keptGroupIds: [] },
    ],
  };

  it('names folders below the data folder, and no figure for one that is no number', () => {
    const stored = readReport(reportToStore(report, '/somewhere/data'));
    expect(stored.figures.lds).toBeNull();
    expect(stored.figures.top1?.value).toBe(0.9);
    expect(stored.subsets.map(({ adapterDir }) => adapterDir)).toEqual(['audits/v/a/0', undefined]);
  });

  it('that is not one is refused, not guessed at', () => {
    expect(() => readReport({ figures: { lds: 'very good' } })).toThrow(/lds/);
  });
});
