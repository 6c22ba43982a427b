// Puts the audit of a version into the queue, in the transaction that makes it due: publication, a round of the reconciler that
// finds a version unaudited or its audit failed six hours ago, a call drawn for a check where nothing is kept to check it with, a new method. Used by end-run.ts,
// enqueue-missing-jobs.ts, check-call.ts and attribute-call.ts. One audit of a version at a time.
import type { Tx } from '../../../db/database.ts';
import { queueVersionAudit } from '../../../db/repositories/version-audit-repository.ts';
import { enqueueJob } from '../../jobs/enqueue-job.ts';
import type { MarketplaceContext } from '../../marketplace-context.ts';
import { failedAudits } from './audit-standing.ts';

/** Audits that ended without figures before nobody begins another by himself. */
const FAILED_MOST = 3;

/** @returns false when audits of this version have failed too often */
export async function queueAudit(
  tx: Tx,
  { settings }: Pick<MarketplaceContext, 'settings'>,
  modelVersionId: string,
): Promise<boolean> {
  if ((await failedAudits(tx, modelVersionId)) >= FAILED_MOST) return false;
  const { id: auditId } = await queueVersionAudit(tx, { modelVersionId, seed: settings.auditSeed });
  await enqueueJob(tx, 'audit-version', { auditId });
  return true;
}
