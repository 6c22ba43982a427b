// The audit half of the fake engine: halves of the groups by a rule, their adapters real folders, figures as the test says.
// Used by fake-engine.ts. An adapter that knows the answer finds it likely, any other finds it as unlikely as the base.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditFigure, AuditJob, AuditProgress, AuditReport } from '../../engine/audit-job.ts';
import type { Example } from '../../engine/engine.ts';
import { EngineError } from '../../engine/errors.ts';

export interface FakeAuditFaults {
  /** What the next audits find. */
  auditFigures?: { readonly lds: number; readonly top1: number };
  /** By what name it attributes, and is audited, from now on. */
  methodId?: string;
  /** Every audit throws. */
  failAudits?: boolean;
  /** An audit waits for this before each retraining. */
  auditGate?: (done: number) => Promise<void>;
}

export const FAKE_METHOD = 'fake/1';

export async function fakeAudit(
  job: AuditJob,
  faults: FakeAuditFaults,
  storeHash: string,
  writeAdapter: (dir: string, examples: readonly Example[]) => Promise<void>,
  onProgress: (progress: AuditProgress) => void,
  signal?: AbortSignal,
): Promise<AuditReport> {
  const groups = [...new Set(job.examples.map(({ groupId }) => groupId))];
  const subsets: { keptGroupIds: readonly string[]; adapterDir?: string }[] = [];
  await rm(join(job.workDir, 'subsets'), { recursive: true, force: true });
  for (let at = 0; at < job.subsets; at++) {
    await faults.auditGate?.(at);
    signal?.throwIfAborted();
    if (faults.failAudits)
      throw new EngineError('fake: the audit failed', { code: 'audit_failed', retry: 'never' });
    const kept = groups.filter((_, i) => (i + at) % 2 === 0);
    const adapterDir = join(job.workDir, 'subsets', String(at));
    if (at < (job.adaptersKept ?? 0)) {
      await writeAdapter(
        adapterDir,
        job.examples.filter(({ groupId }) => kept.includes(groupId)),
      );
      subsets.push({ keptGroupIds: kept, adapterDir });
    } else subsets.push({ keptGroupIds: kept });
    onProgress({ done: at + 1, total: job.subsets });
  }
  const goldQueries = job.queries.filter(({ goldIds = [] }) => goldIds.length > 0).length;
  return {
    ...fakeReport(faults.auditFigures),
    ...{ storeHash, goldQueries, subsets, seed: job.seed, methodId: faults.methodId ?? FAKE_METHOD },
    queries: job.queries.length,
    groups: groups.length,
    loco: Math.min(job.loco, groups.length),
  };
}

/** What an audit found that found these figures in 9 groups. */
export function fakeReport({ lds, top1 } = { lds: 0.7, top1: 0.95 }): AuditReport {
  const figure = (value: number): AuditFigure => ({ value, low: value - 0.05, high: value + 0.05 });
  const figures = {
    lds: figure(lds),
    locoPearson: figure(lds),
    top1: figure(top1),
    mrr: figure(top1),
    recallAtGold: figure(top1),
  };
  return {
    ...{ figures, methods: [{ id: FAKE_METHOD, figures }], methodId: FAKE_METHOD, storeHash: 'fake' },
    ...{ queries: 9, goldQueries: 9, groups: 9, subsets: [], loco: 0, recipe: { fake: 1 }, seed: 1 },
  };
}
