// Where a model version stands: is attribution on it measured, and well enough to pay by? Used by attribute-call.ts (the
// gate), the model's page and the audit job. Reads only. The newest audit that is done counts, also while another is under
// way; thresholds are the marketplace's settings of now, published with the figures.
import type { Database } from '../../../db/database.ts';
import { auditsOfVersion } from '../../../db/repositories/version-audit-repository.ts';
import type { VersionAudit } from '../../../db/schema-audit.ts';
import type { AuditReport } from '../../../engine/audit-job.ts';
import type { MarketplaceContext } from '../../marketplace-context.ts';
import { type AuditThresholds, type Shortfall, shortfalls, shortfallWords } from './audit-verdict.ts';
import { readReport } from './stored-report.ts';

interface DoneAudit {
  readonly audit: VersionAudit;
  readonly report: AuditReport;
  /** Empty = passed. */
  readonly short: readonly Shortfall[];
}

export interface AuditStanding {
  readonly done: DoneAudit | null;
  /** Queued or running now. */
  readonly open: VersionAudit | null;
  /** The newest that ended without figures, if nothing newer is done. */
  readonly failed: VersionAudit | null;
  readonly thresholds: AuditThresholds;
}

export async function auditStanding(
  { db, settings }: Pick<MarketplaceContext, 'db' | 'settings'>,
  modelVersionId: string,
): Promise<AuditStanding> {
  const audits = await auditsOfVersion(db, modelVersionId);
  const { auditLdsMin, auditTop1Min } = settings;
  const thresholds = { auditLdsMin, auditTop1Min };
  const newest = audits.findLast(({ state }) => state === 'done');
  const failed = audits.findLast(({ state, seq }) => state === 'failed' && seq > (newest?.seq ?? 0));
  const report = newest === undefined ? undefined : readReport(newest.report);
  return {
    done:
      newest === undefined || report === undefined
        ? null
        : { audit: newest, report, short: shortfalls(report, thresholds) },
    open: audits.find(({ state }) => state === 'queued' || state === 'running') ?? null,
    failed: failed ?? null,
    thresholds,
  };
}

/**
 * Why this version may not pay by attribution, as receipts say it; null when it may.
 * @param methodId how the shares at hand were computed: an audit speaks for the method it measured alone
 */
export function whyEqualSplit({ done, failed }: AuditStanding, methodId?: string): string | null {
  if (done === null) {
    return failed === null
      ? 'the attribution of this version is not audited yet: equal split until it is'
      : 'the attribution of this version could not be audited: equal split until it is';
  }
  if (done.short.length > 0)
    return `the attribution of this version did not pass its audit (${shortfallWords(done.short)}): equal split until it does`;
  if (methodId !== undefined && methodId !== '' && methodId !== done.report.methodId)
    return `attribution was computed by ${methodId}, the audit measured ${done.report.methodId}: equal split until it is audited`;
  return null;
}

/** Audits that ended without figures since one was done. */
export async function failedAudits(db: Database, modelVersionId: string): Promise<number> {
  const audits = await auditsOfVersion(db, modelVersionId);
  const lastDone = audits.findLastIndex(({ state }) => state === 'done');
  return audits.slice(lastDone + 1).filter(({ state }) => state === 'failed').length;
}
