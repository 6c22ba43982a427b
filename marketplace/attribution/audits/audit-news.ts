// The news of an audit for every conversation that watched the training of its version: what was found and how contributors
// are paid from now on. Used by audit-version.ts, in the transaction that stores the finding.
import type { Tx } from '../../../db/database.ts';
import { getDatanet } from '../../../db/repositories/datanet-repository.ts';
import { runOfVersion } from '../../../db/repositories/training-run-repository.ts';
import type { Model, ModelVersion } from '../../../db/schema.ts';
import type { AuditReport } from '../../../engine/audit-job.ts';
import { newsOfRun } from '../../factory/run-news.ts';
import { type AuditThresholds, shortfalls, shortfallWords } from './audit-verdict.ts';

/** Nobody watches the version of a shipped model: nothing is told then. */
export async function newsOfAudit(
  tx: Tx,
  { id, number }: ModelVersion,
  { title, datanetId }: Model,
  report: AuditReport,
  thresholds: AuditThresholds,
): Promise<void> {
  const run = await runOfVersion(tx, id);
  if (run === undefined) return;
  const short = shortfalls(report, thresholds);
  const retrainings = report.subsets.length + report.loco;
  const how = `${title} version ${number} was retrained ${retrainings} times without some of its contributors, to see how well we tell who made its answers.`;
  const text =
    short.length === 0
      ? `${how} Well enough: from now on its contributors are paid by what their data did for each answer.`
      : `${how} Not well enough (${shortfallWords(short)}): its contributors stay with equal parts.`;
  const datanetTitle = (await getDatanet(tx, datanetId))?.title ?? title;
  await newsOfRun(tx, run.id, { kind: 'version_audited', datanetTitle, text });
}
