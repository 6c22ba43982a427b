// Whether what an audit found is enough to pay contributors by attribution, and the sentence for receipts where it is not.
// Used by audit-standing.ts, audit-version.ts and make-demo-audits-cli.ts. Pure: figures and published thresholds only.
import type { AuditReport } from '../../../engine/audit-job.ts';
import type { MarketplaceSettings } from '../../marketplace-settings.ts';

export type AuditThresholds = Pick<MarketplaceSettings, 'auditLdsMin' | 'auditTop1Min'>;

export interface Shortfall {
  readonly figure: 'lds' | 'top1';
  /** Null: it could not be measured. */
  readonly found: number | null;
  readonly needed: number;
}

/** The figures below their thresholds; none = passed. Without questions whose source is known, the first alone decides. */
export function shortfalls(
  { figures, goldQueries }: Pick<AuditReport, 'figures' | 'goldQueries'>,
  { auditLdsMin, auditTop1Min }: AuditThresholds,
): readonly Shortfall[] {
  const lds = figures.lds?.value ?? null;
  const top1 = figures.top1?.value ?? null;
  const all: Shortfall[] = [{ figure: 'lds', found: lds, needed: auditLdsMin }];
  if (goldQueries > 0) all.push({ figure: 'top1', found: top1, needed: auditTop1Min });
  // NaN (no query could be measured) is no pass either.
  return all.filter(({ found, needed }) => !(found !== null && found >= needed));
}

const WORDS = {
  lds: 'agreement with retraining',
  top1: 'right source named first',
} as const;

/** "agreement with retraining 0.21, needed 0.30" */
export function shortfallWords(short: readonly Shortfall[]): string {
  return short
    .map(
      ({ figure, found, needed }) =>
        `${WORDS[figure]} ${found === null || Number.isNaN(found) ? 'not measured' : found.toFixed(2)}, needed ${needed.toFixed(2)}`,
    )
    .join('; ');
}
