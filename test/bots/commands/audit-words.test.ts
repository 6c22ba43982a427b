// How well "who made this answer" is measured, as people read it in /model.
import { describe, expect, it } from 'vitest';
import { auditLines } from '../../../bots/commands/audit-words.ts';
import { plainText } from '../../../bots/core/rich-text.ts';
import type { AuditView } from '../../../marketplace/attribution/audits/audit-view.ts';
import { atlasModel } from '../../support/fake-marketplace.ts';

const passed = atlasModel.audit as AuditView;
const words = (audit: AuditView): string => auditLines({ audit }).map(plainText).join('\n');

describe('a model’s page', () => {
  it('tells the figures of an audit that passed, their intervals and what was needed', () => {
    expect(words(passed)).toContain(
      'retrained 20 times without some of its contributors and asked 60 questions, what it no longer knew matched what we had said at 0.63 (likely 0.57 to 0.69), where 1 is always and 0 is chance. In 94 % (likely 88 % to 98 %) of the questions we named first who had taught the answer.',
    );
    expect(words(passed)).toContain(
      'Passed (needed: 0.30 and 80 %): its contributors are paid by what their data did for each answer.',
    );
  });

  it('says when an audit was not passed, and that equal parts are paid', () => {
    const state = 'not_passed';
    expect(words({ ...passed, state })).toMatch(/Not passed .*paid in equal parts until it does\./);
  });

  it.each([
    [
      'waiting',
      { done: 12, total: 20 },
      'its audit is under way (12 of 20 retrainings done); until it has passed',
    ],
    ['waiting', { done: 0, total: 0 }, 'its audit is under way; until it has passed'],
    [
      'failed',
      null,
      'its audit could not be done, so its contributors are paid in equal parts until one is.',
    ],
    ['none', null, 'not yet, so its contributors are paid in equal parts.'],
  ] as const)('of a version that is %s (%j)', (state, progress, wanted) => {
    expect(words({ ...passed, state, progress, found: null })).toContain(wanted);
  });

  it('tells what checks of paid answers found', () => {
    const checked = { calls: 7, rank: { value: 0.61, low: 0.4, high: 0.8 }, error: 0.123 };
    expect(words({ ...passed, checked })).toContain(
      '7 paid answers, drawn at random, checked the same way: agreement 0.61 (likely 0.40 to 0.80), off by 12.3 % of what the data did.',
    );
  });

  it('tells of checks that could tell nothing', () => {
    const checked = { calls: 1, rank: null, error: null };
    expect(words({ ...passed, checked })).toContain(
      '1 paid answer, drawn at random, checked the same way: nothing could be told.',
    );
  });

  it('says nothing for a model without a version', () => {
    expect(auditLines({ audit: null })).toEqual([]);
  });
});
