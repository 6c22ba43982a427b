/**
 * Models: listings with price, split and the version that answers now. State changes are recorded (lifecycle.ts); versions
 * are in model-version-repository.ts.
 */
import type { Database, Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import type { Model, ModelState, NewModel } from '../schema.ts';
import { recordLifecycle, type Transition, type TransitionResult, transition } from './lifecycle.ts';

type CreateModelResult =
  | { readonly ok: true; readonly model: Model }
  | { readonly ok: false; readonly code: 'slug_taken' };

/** The four basis-point columns must sum to 10,000 (the database refuses otherwise). */
export async function createModel(tx: Tx, model: NewModel): Promise<CreateModelResult> {
  const row = await tx
    .insertInto('model')
    .values({ ...model, id: newId('model') })
    .onConflict((conflict) => conflict.column('slug').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!row) return { ok: false, code: 'slug_taken' };
  await recordLifecycle(tx, { subject: 'model', id: row.id, from: null, to: row.state, cause: 'created' });
  return { ok: true, model: row };
}

export async function getModel(db: Database, id: string): Promise<Model | undefined> {
  return db.selectFrom('model').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function getModelBySlug(db: Database, slug: string): Promise<Model | undefined> {
  return db.selectFrom('model').selectAll().where('slug', '=', slug).executeTakeFirst();
}

/** Listed models that have a published version, oldest first. */
export async function listModels(db: Database): Promise<readonly Model[]> {
  return db
    .selectFrom('model')
    .selectAll()
    .where('state', '=', 'listed')
    .where('currentVersionId', 'is not', null)
    .orderBy('createdAt')
    .execute();
}

/** Models trained on this datanet, listed or not. */
export async function modelsOfDatanet(db: Database, datanetId: string): Promise<readonly Model[]> {
  return db.selectFrom('model').selectAll().where('datanetId', '=', datanetId).orderBy('createdAt').execute();
}

export async function transitionModel(tx: Tx, change: Transition<ModelState>): Promise<TransitionResult> {
  return transition(tx, 'model', change);
}
