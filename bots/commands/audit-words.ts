// How well "who made this answer" is measured for a model, in words: what the audit did, what it found, whether it is enough
// to be paid by, and what checks of single answers found. Used by model-view.ts. Pure.
import type { ModelSummary } from '../../marketplace/marketplace.ts';
import type { RichText } from '../core/platform.ts';
import { bold, rich, small } from '../core/rich-text.ts';
import { count, percent } from '../core/words.ts';

type Audit = NonNullable<ModelSummary['audit']>;
type Figure = NonNullable<NonNullable<Audit['found']>['lds']>;

/** No line for a model without a version. */
export function auditLines({ audit }: Pick<ModelSummary, 'audit'>): readonly RichText[] {
  if (audit === null) return [];
  const { found } = audit;
  const lines: RichText[] = [
    rich(bold('Who made what, measured: '), found === null ? notYet(audit) : foundWords(audit, found)),
  ];
  if (found !== null) lines.push(rich(small(verdictWords(audit))));
  const checked = checkedWords(audit);
  if (checked !== null) lines.push(rich(small(checked)));
  return lines;
}

function notYet({ state, progress }: Audit): string {
  if (state === 'failed')
    return 'its audit could not be done, so its contributors are paid in equal parts until one is.';
  const far =
    progress !== null && progress.total > 0
      ? ` (${progress.done} of ${count(progress.total, 'retraining')} done)`
      : '';
  return state === 'waiting'
    ? `its audit is under way${far}; until it has passed, its contributors are paid in equal parts.`
    : 'not yet, so its contributors are paid in equal parts.';
}

function foundWords({ progress }: Audit, found: NonNullable<Audit['found']>): string {
  const { lds, top1, retrainings, queries } = found;
  const agreed =
    lds === null
      ? 'could not be compared with what we had said'
      : `matched what we had said at ${two(lds.value)}${likely(lds, two)}, where 1 is always and 0 is chance`;
  const named =
    top1 === null
      ? ''
      : ` In ${percent(top1.value)}${likely(top1, percent)} of the questions we named first who had taught the answer.`;
  const again = progress === null ? '' : ' It is being audited again.';
  return `retrained ${retrainings} times without some of its contributors and asked ${count(queries, 'question')}, what it no longer knew ${agreed}.${named}${again}`;
}

function verdictWords({ state, thresholds }: Audit): string {
  const needed = `needed: ${two(thresholds.auditLdsMin)} and ${percent(thresholds.auditTop1Min)}`;
  return state === 'passed'
    ? `Passed (${needed}): its contributors are paid by what their data did for each answer.`
    : `Not passed (${needed}): its contributors are paid in equal parts until it does.`;
}

function checkedWords({ checked }: Audit): string | null {
  const { calls, rank, error } = checked;
  if (calls === 0) return null;
  const ranked = rank === null ? '' : ` agreement ${two(rank.value)}${likely(rank, two)}`;
  const off =
    error === null ? '' : `${ranked === '' ? '' : ','} off by ${percent(error)} of what the data did`;
  const found = ranked + off === '' ? ' nothing could be told' : ranked + off;
  return `${count(calls, 'paid answer')}, drawn at random, checked the same way:${found}.`;
}

const two = (value: number): string => value.toFixed(2);

function likely({ low, high }: Figure, words: (value: number) => string): string {
  return low === high ? '' : ` (likely ${words(low)} to ${words(high)})`;
}
