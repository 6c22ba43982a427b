// What everybody may see of the checks of single paid answers: the verb behind the public page of audits. Part of
// marketplace.ts and create-marketplace.ts; what an audit found about a model stands in its summary.
import { type AuditDay, auditDay, auditDays } from './attribution/audits/audit-days.ts';
import type { MarketplaceContext } from './marketplace-context.ts';

export interface AuditVerbs {
  /** The newest 60 days of checked calls, newest first. */
  auditDays(): Promise<readonly AuditDay[]>;
  /** One day with more of its calls; null for a day without a salt. @param after number of the last receipt seen, 0 = none */
  auditDay(day: string, after: number): Promise<AuditDay | null>;
}

export const auditVerbs = (market: Pick<MarketplaceContext, 'db' | 'clock'>): AuditVerbs => ({
  auditDays: () => auditDays(market),
  auditDay: (day, after) => auditDay(market, day, after),
});
