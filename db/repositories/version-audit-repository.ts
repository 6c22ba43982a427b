/**
 * Audits of model versions: queued, running, done or failed; at most one of a version is under way. The newest that is done
 * counts. What an audit found is stored once; whether it is enough, the caller decides.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import type { JsonObject } from '../schema.ts';
import type { VersionAudit } from '../schema-audit.ts';

/** Queues an audit of a version, or finds the one that is under way. */
export async function queueVersionAudit(
  tx: Tx,
  { modelVersionId, seed }: { readonly modelVersionId: string; readonly seed: number },
): Promise<VersionAudit> {
  const open = await openVersionAudit(tx, modelVersionId);
  if (open !== undefined) return open;
  const queued = await tx
    .insertInto('versionAudit')
    .values({
      ...{ id: newId('aud'), modelVersionId, source: 'here', seed },
      ...{ report: null, error: null, finishedAt: null },
    })
    .onConflict((conflict) => conflict.doNothing()) // somebody queued one just now
    .returningAll()
    .executeTakeFirst();
  const audit = queued ?? (await openVersionAudit(tx, modelVersionId));
  if (audit === undefined) throw new Error(`bug: no audit of ${modelVersionId} is under way`);
  return audit;
}

async function openVersionAudit(db: Database, modelVersionId: string): Promise<VersionAudit | undefined> {
  return db
    .selectFrom('versionAudit')
    .selectAll()
    .where('modelVersionId', '=', modelVersionId)
    .where('state', 'in', ['queued', 'running'])
    .executeTakeFirst();
}

/** Stores an audit that was made elsewhere. */
export async function saveShippedAudit(
  tx: Tx,
  audit: { readonly modelVersionId: string; readonly seed: number; readonly report: JsonObject },
): Promise<void> {
  await tx
    .insertInto('versionAudit')
    .values({
      ...audit,
      ...{ id: newId('aud'), source: 'shipped', state: 'done', error: null, finishedAt: sql<Date>`now()` },
    })
    .execute();
}

export async function getVersionAudit(db: Database, id: string): Promise<VersionAudit | undefined> {
  return db.selectFrom('versionAudit').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Oldest first. */
export async function auditsOfVersion(
  db: Database,
  modelVersionId: string,
): Promise<readonly VersionAudit[]> {
  return db
    .selectFrom('versionAudit')
    .selectAll()
    .where('modelVersionId', '=', modelVersionId)
    .orderBy('seq')
    .execute();
}

/** Notes how far an audit under way is. */
export async function noteAuditProgress(db: Database, id: string, progress: JsonObject): Promise<void> {
  await db
    .updateTable('versionAudit')
    .set({ state: 'running', progress })
    .where('id', '=', id)
    .where('state', 'in', ['queued', 'running'])
    .execute();
}

/** Ends an audit; false when it was over already. */
export async function endVersionAudit(
  tx: Tx,
  id: string,
  end: { readonly report: JsonObject } | { readonly error: string },
): Promise<boolean> {
  const found = 'report' in end ? { state: 'done' as const, ...end } : { state: 'failed' as const, ...end };
  const { numUpdatedRows } = await tx
    .updateTable('versionAudit')
    .set({ ...found, finishedAt: sql<Date>`now()` })
    .where('id', '=', id)
    .where('state', 'in', ['queued', 'running'])
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/**
 * Published versions of listed models that have no audit, none under way, and none that failed in the last six hours (what
 * failed for want of memory or disk may pass then); and audits under way.
 */
export async function auditsDue(
  db: Database,
): Promise<{ readonly unaudited: readonly string[]; readonly open: readonly VersionAudit[] }> {
  const unaudited = await db
    .selectFrom('modelVersion')
    .innerJoin('model', 'model.currentVersionId', 'modelVersion.id')
    .select('modelVersion.id')
    .where('model.state', '=', 'listed')
    .where('modelVersion.state', '=', 'published')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('versionAudit')
            .select('versionAudit.id')
            .whereRef('versionAudit.modelVersionId', '=', 'modelVersion.id')
            .where(({ or, eb }) =>
              or([
                eb('versionAudit.state', '<>', 'failed'),
                eb('versionAudit.finishedAt', '>', sql<Date>`now() - interval '6 hours'`),
              ]),
            ),
        ),
      ),
    )
    .execute();
  const open = await db
    .selectFrom('versionAudit')
    .selectAll()
    .where('state', 'in', ['queued', 'running'])
    .orderBy('seq')
    .execute();
  return { unaudited: unaudited.map(({ id }) => id), open };
}
