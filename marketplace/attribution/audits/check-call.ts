// Checks a drawn call: its paid shares against adapters that were really trained without some of the contributors, which an
// audit on this machine kept. A background job of job-runner.ts. Where none are kept (a shipped audit keeps none), the
// version's audit is queued, and its end takes up the calls that wait. Idempotent; money is never touched.
// A call is left out, with the reason written down, where there is nothing to check or nothing to check it with.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { transact } from '../../../db/database.ts';
import { endCallAudit, getCallAudit } from '../../../db/repositories/call-audit-repository.ts';
import { getCall } from '../../../db/repositories/call-repository.ts';
import { sharesOfCall } from '../../../db/repositories/call-share-repository.ts';
import { contributionsOfVersion } from '../../../db/repositories/datanet-version-repository.ts';
import { getModelVersion } from '../../../db/repositories/model-version-repository.ts';
import { auditsOfVersion } from '../../../db/repositories/version-audit-repository.ts';
import type { Call, ModelVersion } from '../../../db/schema.ts';
import type { AdapterRef } from '../../../engine/engine.ts';
import { adapterOf } from '../../listings/adapter-of.ts';
import type { MarketplaceContext } from '../../marketplace-context.ts';
import { servedPrompt } from '../served-prompt.ts';
import { auditGroups } from './audit-plan.ts';
import { auditStanding } from './audit-standing.ts';
import { type CallCheck, checkOf } from './call-check.ts';
import { queueAudit } from './queue-audit.ts';
import { readReport } from './stored-report.ts';

/** @throws what the engine throws; the job is then tried again */
export async function checkCall(market: MarketplaceContext, callId: string): Promise<void> {
  const { db } = market;
  const drawn = await getCallAudit(db, callId);
  if (drawn === undefined || drawn.state !== 'due') return;
  const call = await getCall(db, callId);
  const version = call === undefined ? undefined : await getModelVersion(db, call.modelVersionId);
  if (call === undefined || version === undefined) throw new Error(`the drawn call ${callId} has no version`);
  const shares = (await sharesOfCall(db, callId)).filter(({ kind }) => kind === 'influence');
  // Asked first: an audit that ends meanwhile has put its adapters there.
  const { open } = await auditStanding(market, version.id);
  const kept = await keptAdapters(market, version);
  if ((call.answer ?? '') === '') return await leaveOut(market, callId, 'its answer is empty');
  if (shares.length === 0) return await leaveOut(market, callId, 'nothing of it was paid by influence');
  if (kept === undefined) {
    // Under way, or begun now: its end takes this call up again.
    if (open !== null || (await transact(db, (tx) => queueAudit(tx, market, version.id)))) return;
    return await leaveOut(market, callId, 'its version could not be retrained here');
  }
  const check = await measure(market, call, version, shares, kept);
  await transact(db, (tx) =>
    endCallAudit(tx, callId, { state: 'done', versionAuditId: kept.auditId, report: { ...check } }),
  );
}

interface KeptAdapters {
  readonly auditId: string;
  readonly subsets: readonly { readonly groups: ReadonlySet<string>; readonly adapter: AdapterRef }[];
}

/** The adapters of the newest audit that kept some; undefined while there are none. */
async function keptAdapters(
  { db, dataDir }: Pick<MarketplaceContext, 'db' | 'dataDir'>,
  version: ModelVersion,
): Promise<KeptAdapters | undefined> {
  for (const audit of (await auditsOfVersion(db, version.id)).toReversed()) {
    if (audit.state !== 'done') continue;
    const subsets = readReport(audit.report).subsets.flatMap(({ keptGroupIds, adapterDir }, at) => {
      const dir = adapterDir === undefined ? undefined : resolve(dataDir, adapterDir);
      if (dir === undefined || !existsSync(dir)) return [];
      return [{ groups: new Set(keptGroupIds), adapter: { id: `${audit.id}-${at}`, dir } }];
    });
    if (subsets.length > 1) return { auditId: audit.id, subsets };
  }
  return undefined;
}

async function measure(
  market: MarketplaceContext,
  call: Call,
  version: ModelVersion,
  shares: Awaited<ReturnType<typeof sharesOfCall>>,
  { subsets }: KeptAdapters,
): Promise<CallCheck> {
  const groups = auditGroups(await contributionsOfVersion(market.db, version.datanetVersionId));
  const [baseNll, adapterNll, ...losses] = await market.engine.answerLosses({
    messages: await servedPrompt(market, call, version),
    answer: call.answer ?? '',
    adapters: [null, adapterOf(market, version), ...subsets.map(({ adapter }) => adapter)],
  });
  const total = shares.reduce((sum, { sharePpm }) => sum + sharePpm, 0);
  return checkOf({
    baseNll,
    adapterNll,
    subsets: subsets.map(({ groups: trained }, at) => {
      const inside = shares.filter(
        ({ contributionId }) => contributionId !== null && trained.has(groups.get(contributionId) ?? ''),
      );
      return { kept: inside.reduce((sum, { sharePpm }) => sum + sharePpm, 0) / total, nll: losses[at] };
    }),
  });
}

async function leaveOut({ db }: MarketplaceContext, callId: string, reason: string): Promise<void> {
  await transact(db, (tx) => endCallAudit(tx, callId, { state: 'left_out', reason }));
}
