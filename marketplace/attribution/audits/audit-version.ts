// The audit of a published version: the engine retrains it without parts of its data, in the background and giving way to
// answers and trainings, and what it finds is stored. Used by job-runner.ts. Safe to repeat after kill -9 at any point: the
// engine goes on from the working folder. Money is never touched here; what is paid by is read anew at every call.
// States of an audit: queued → running → done | failed. A version that was superseded meanwhile is still told the truth of,
// unless nothing was begun.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { transact } from '../../../db/database.ts';
import { dueCallAudits } from '../../../db/repositories/call-audit-repository.ts';
import { getDatanet } from '../../../db/repositories/datanet-repository.ts';
import { contributionsOfVersion } from '../../../db/repositories/datanet-version-repository.ts';
import { getModel } from '../../../db/repositories/model-repository.ts';
import { getModelVersion, listModelVersions } from '../../../db/repositories/model-version-repository.ts';
import {
  endVersionAudit,
  getVersionAudit,
  noteAuditProgress,
} from '../../../db/repositories/version-audit-repository.ts';
import type { Model, ModelVersion } from '../../../db/schema.ts';
import type { VersionAudit } from '../../../db/schema-audit.ts';
import type { AuditJob, AuditProgress, AuditReport } from '../../../engine/audit-job.ts';
import { enqueueJob } from '../../jobs/enqueue-job.ts';
import { adapterOf } from '../../listings/adapter-of.ts';
import { readyStore } from '../../listings/ready-store.ts';
import type { MarketplaceContext } from '../../marketplace-context.ts';
import { isDatabaseAway, waitForDatabase } from '../../wait-for-database.ts';
import { newsOfAudit } from './audit-news.ts';
import { auditExamples, auditGroups, auditQueries, GROUPS_LEAST } from './audit-plan.ts';
import { shortfalls, shortfallWords } from './audit-verdict.ts';
import { reportToStore } from './stored-report.ts';

/** A fault that may pass is tried again this often before the audit has failed. */
const TRIES_MAX = 3;

/**
 * @param attempt which try of the job this is, from 1
 * @throws faults of the database's absence, of being stopped, and such as may pass: the job's next try goes on
 */
export async function auditVersion(
  market: MarketplaceContext,
  auditId: string,
  attempt: number,
): Promise<void> {
  const audit = await getVersionAudit(market.db, auditId);
  if (audit === undefined || audit.state === 'done' || audit.state === 'failed') return;
  const version = await getModelVersion(market.db, audit.modelVersionId);
  const model = version === undefined ? undefined : await getModel(market.db, version.modelId);
  if (version === undefined || model === undefined) throw new Error(`audit ${auditId} has no version`);
  try {
    const begun = audit.state === 'running';
    const found =
      !begun && model.currentVersionId !== version.id
        ? 'another version answers now'
        : await runAudit(market, audit, version, model);
    await endAudit(market, audit, found, { version, model });
    if (typeof found !== 'string') await removeOldFolders(market, audit, version);
  } catch (fault) {
    if (isDatabaseAway(fault) || market.stopping.aborted) throw fault;
    if (mayPass(fault) && attempt < TRIES_MAX) throw fault;
    market.log.error({ err: fault, auditId }, 'the audit of a version failed');
    await endAudit(market, audit, fault instanceof Error ? fault.message : String(fault), { version, model });
  }
}

/** @returns what was found, or why nothing can be */
async function runAudit(
  market: MarketplaceContext,
  audit: VersionAudit,
  version: ModelVersion,
  model: Model,
): Promise<AuditReport | string> {
  const job = await auditJobOf(market, audit, version, model);
  if (typeof job === 'string') return job;
  let notedAt = 0;
  let noting: Promise<void> = Promise.resolve();
  const note = (progress: AuditProgress): void => {
    const now = market.clock().getTime();
    if (now - notedAt < market.settings.progressEveryMs && progress.done < progress.total) return;
    notedAt = now;
    // A figure for people to look at: what cannot be noted now is noted with the next retraining.
    noting = noting
      .then(() => noteAuditProgress(market.db, audit.id, { ...progress }))
      .catch(() => undefined);
  };
  note({ done: 0, total: job.subsets + job.loco });
  try {
    return await market.engine.auditVersion(job, note, market.stopping);
  } finally {
    await noting;
  }
}

async function auditJobOf(
  market: MarketplaceContext,
  audit: VersionAudit,
  version: ModelVersion,
  model: Model,
): Promise<AuditJob | string> {
  const { db, settings, dataDir, demoDir } = market;
  const datanet = await getDatanet(db, model.datanetId);
  const all = await contributionsOfVersion(db, version.datanetVersionId);
  const accepted = all.filter(({ state }) => state === 'accepted');
  const examples = auditExamples(accepted, auditGroups(all));
  const groups = new Set(examples.map(({ groupId }) => groupId)).size;
  if (groups < GROUPS_LEAST) return `${groups} contributions are too few to leave halves of them out`;
  const storeDir = await readyStore(market, version);
  if (storeDir === null) return 'this version has no gradient store';
  return {
    adapter: adapterOf(market, version),
    storeDir,
    examples,
    queries: await auditQueries(demoDir, datanet?.slug ?? '', accepted, {
      count: settings.auditQueries,
      seed: audit.seed,
    }),
    subsets: settings.auditSubsets,
    loco: Math.min(settings.auditLoco, groups),
    adaptersKept: settings.auditAdaptersKept,
    seed: audit.seed,
    workDir: join(dataDir, auditFolder(version.id), audit.id),
  };
}

/** Relative to the data folder; one folder an audit inside. */
const auditFolder = (modelVersionId: string): string => join('audits', modelVersionId);

async function endAudit(
  market: MarketplaceContext,
  audit: VersionAudit,
  found: AuditReport | string,
  { version, model }: { readonly version: ModelVersion; readonly model: Model },
): Promise<void> {
  const end = typeof found === 'string' ? { error: found } : { report: reportToStore(found, market.dataDir) };
  const ended = await waitForDatabase(market, () =>
    transact(market.db, async (tx) => {
      if (!(await endVersionAudit(tx, audit.id, end))) return false;
      for (const { callId } of await dueCallAudits(tx, audit.modelVersionId))
        await enqueueJob(tx, 'check-call', { callId });
      if (typeof found !== 'string') await newsOfAudit(tx, version, model, found, market.settings);
      return true;
    }),
  );
  if (!ended) return;
  const facts = { auditId: audit.id, modelVersionId: audit.modelVersionId };
  if (typeof found === 'string') market.log.warn({ ...facts, problem: found }, 'a version was not audited');
  else {
    const short = shortfalls(found, market.settings);
    const verdict = short.length === 0 ? 'passed' : shortfallWords(short);
    market.log.info({ ...facts, verdict }, 'a version was audited');
  }
}

/** What earlier audits kept, of this version and of those before it that no drawn call waits for. */
async function removeOldFolders(
  { db, dataDir, log }: MarketplaceContext,
  audit: VersionAudit,
  version: ModelVersion,
): Promise<void> {
  const own = join(dataDir, auditFolder(version.id));
  const folders = (await readdir(own).catch(() => [])).filter((name) => name !== audit.id);
  const old = folders.map((name) => join(own, name));
  for (const before of await listModelVersions(db, version.modelId))
    if (before.number < version.number && (await dueCallAudits(db, before.id)).length === 0)
      old.push(join(dataDir, auditFolder(before.id)));
  for (const folder of old)
    await rm(folder, { recursive: true, force: true }).catch((err: unknown) =>
      log.warn({ err }, 'the folder of an old audit could not be removed'),
    );
}

function mayPass(fault: unknown): boolean {
  const retry = (fault as { retry?: unknown } | null)?.retry;
  return retry === 'safe' || retry === 'after';
}
