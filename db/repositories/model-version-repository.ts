/**
 * Model versions: one trained state each. At most one of a model is published; publishing supersedes the one before and makes
 * the model answer with the new one, all in one transaction.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import type { JsonObject, ModelVersion } from '../schema.ts';
import { recordLifecycle, type TransitionResult, transition } from './lifecycle.ts';

/** Makes the next version of a model, as a candidate. */
export async function createModelVersion(
  tx: Tx,
  version: {
    readonly modelId: string;
    readonly datanetVersionId: string;
    /** Where the adapter's folder is, relative to the data folder. */
    readonly adapterDir: string;
    readonly recipe?: JsonObject;
    readonly evaluation?: JsonObject | null;
    readonly storeHashes?: JsonObject;
  },
): Promise<ModelVersion> {
  await sql`select 1 from model where id = ${version.modelId} for update`.execute(tx); // one number at a time
  const row = await tx
    .insertInto('modelVersion')
    .values({
      ...version,
      evaluation: version.evaluation ?? null,
      id: newId('mv'),
      number: sql`(select coalesce(max(number), 0) + 1 from model_version where model_id = ${version.modelId})`,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await recordLifecycle(tx, {
    subject: 'model_version',
    id: row.id,
    from: null,
    to: 'candidate',
    cause: 'trained',
  });
  return row;
}

export async function getModelVersion(db: Database, id: string): Promise<ModelVersion | undefined> {
  return db.selectFrom('modelVersion').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Newest first. */
export async function listModelVersions(db: Database, modelId: string): Promise<readonly ModelVersion[]> {
  return db
    .selectFrom('modelVersion')
    .selectAll()
    .where('modelId', '=', modelId)
    .orderBy('number', 'desc')
    .execute();
}

/** The candidate becomes the model's published version; the one before is superseded. */
export async function publishModelVersion(
  tx: Tx,
  { id, cause }: { readonly id: string; readonly cause: string },
): Promise<TransitionResult> {
  const version = await getModelVersion(tx, id);
  if (!version) return { ok: false, code: 'not_found' };
  await sql`select 1 from model where id = ${version.modelId} for update`.execute(tx);
  if (version.state !== 'candidate') return { ok: false, code: 'wrong_state', state: version.state };
  const before = await tx
    .selectFrom('modelVersion')
    .select('id')
    .where('modelId', '=', version.modelId)
    .where('state', '=', 'published')
    .executeTakeFirst();
  if (before) {
    const change = {
      id: before.id,
      from: ['published'],
      to: 'superseded',
      cause: `superseded by ${id}`,
    } as const;
    await transition(tx, 'model_version', change);
  }
  const published = await transition(tx, 'model_version', {
    id,
    from: ['candidate'],
    to: 'published',
    cause,
  });
  if (!published.ok) return published;
  await decided(tx, id, null);
  await tx.updateTable('model').set({ currentVersionId: id }).where('id', '=', version.modelId).execute();
  return published;
}

export async function rejectModelVersion(
  tx: Tx,
  { id, reason }: { readonly id: string; readonly reason: string },
): Promise<TransitionResult> {
  const change = { id, from: ['candidate'], to: 'rejected', cause: reason } as const;
  const rejected = await transition(tx, 'model_version', change);
  if (rejected.ok) await decided(tx, id, reason);
  return rejected;
}

async function decided(tx: Tx, id: string, reason: string | null): Promise<void> {
  await tx.updateTable('modelVersion').set({ reason, decidedAt: sql`now()` }).where('id', '=', id).execute();
}
