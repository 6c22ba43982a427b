// What people see of a version's audit, on its page and in /model: how well attribution agrees with retraining, whether
// that is enough to be paid by, and what checks of single paid answers found. Used by listings/model-summary.ts. Reads only.
import { callAuditReports } from '../../../db/repositories/call-audit-repository.ts';
import type { AuditFigure } from '../../../engine/audit-job.ts';
import type { MarketplaceContext } from '../../marketplace-context.ts';
import { auditStanding } from './audit-standing.ts';
import type { AuditThresholds, Shortfall } from './audit-verdict.ts';
import { type CallCheck, type CheckedCalls, checkedCalls } from './call-check.ts';

export interface AuditView {
  /** What contributors are paid by now: passed = attribution, anything else = equal parts. */
  readonly state: 'passed' | 'not_passed' | 'waiting' | 'failed' | 'none';
  /** Of the newest audit that is done. */
  readonly found: {
    /** Agreement with retraining: 1 = as predicted, 0 = chance. */
    readonly lds: AuditFigure | null;
    readonly locoPearson: AuditFigure | null;
    /** Part of the questions in which the contribution that states the fact is named first. */
    readonly top1: AuditFigure | null;
    readonly retrainings: number;
    readonly queries: number;
    readonly at: Date;
    /** Made here, or where the program was made. */
    readonly source: 'here' | 'shipped';
  } | null;
  readonly thresholds: AuditThresholds;
  readonly short: readonly Shortfall[];
  /** Of an audit under way. */
  readonly progress: { readonly done: number; readonly total: number } | null;
  /** Single paid answers that were checked. */
  readonly checked: CheckedCalls;
}

export async function auditView(
  market: Pick<MarketplaceContext, 'db' | 'settings'>,
  modelVersionId: string,
): Promise<AuditView> {
  const { done, open, failed, thresholds } = await auditStanding(market, modelVersionId);
  const checks = (await callAuditReports(market.db, modelVersionId)) as readonly {
    readonly report: CallCheck | null;
  }[];
  const passed = done !== null && done.short.length === 0;
  const without = open !== null ? 'waiting' : failed !== null ? 'failed' : 'none';
  const figures = done?.report.figures;
  return {
    state: passed ? 'passed' : done !== null ? 'not_passed' : without,
    found:
      done === null || figures === undefined
        ? null
        : {
            ...{ lds: figures.lds, locoPearson: figures.locoPearson, top1: figures.top1 },
            retrainings: done.report.subsets.length + done.report.loco,
            queries: done.report.queries,
            at: done.audit.finishedAt ?? done.audit.createdAt,
            source: done.audit.source,
          },
    thresholds,
    short: done?.short ?? [],
    progress: open === null ? null : progressOf(open.progress),
    checked: checkedCalls(checks.flatMap(({ report }) => report ?? [])),
  };
}

function progressOf({ done, total }: { readonly done?: unknown; readonly total?: unknown }): {
  readonly done: number;
  readonly total: number;
} {
  return { done: Number(done ?? 0), total: Number(total ?? 0) };
}
