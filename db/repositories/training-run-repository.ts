/**
 * Training runs, claimed by one worker at a time, and the conversations that want to hear how they end (watchers).
 * States: queued → running → evaluating → published | rejected; failed and cancelled from any of the first three.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import type { Conversation, JsonObject, TrainingRun, TrainingRunState } from '../schema.ts';
import { recordLifecycle, type Transition, type TransitionResult, transition } from './lifecycle.ts';

const ACTIVE = ['queued', 'running', 'evaluating'] as const satisfies readonly TrainingRunState[];

type QueueRunResult =
  | { readonly ok: true; readonly run: TrainingRun }
  /** This model is already being trained on this datanet version. */
  | { readonly ok: false; readonly code: 'already_active' };

export async function queueTrainingRun(
  tx: Tx,
  run: { readonly modelId: string; readonly datanetVersionId: string; readonly cause: string },
): Promise<QueueRunResult> {
  const { modelId, datanetVersionId, cause } = run;
  const row = await tx
    .insertInto('trainingRun')
    .values({ id: newId('run'), modelId, datanetVersionId })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!row) return { ok: false, code: 'already_active' };
  await recordLifecycle(tx, { subject: 'training_run', id: row.id, from: null, to: 'queued', cause });
  return { ok: true, run: row };
}

/** Takes the oldest queued run and marks it running; undefined when there is none. Parallel callers get different ones. */
export async function claimNextTrainingRun(tx: Tx): Promise<TrainingRun | undefined> {
  const next = await tx
    .selectFrom('trainingRun')
    .select('id')
    .where('state', '=', 'queued')
    .orderBy('seq')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  if (!next) return undefined;
  await transitionTrainingRun(tx, { id: next.id, from: ['queued'], to: 'running', cause: 'claimed' });
  return getTrainingRun(tx, next.id);
}

/** Puts back what a stopped program left running or evaluating; to be called once at start. Returns how many. */
export async function requeueInterruptedRuns(tx: Tx): Promise<number> {
  const runs = await tx
    .selectFrom('trainingRun')
    .select('id')
    .where('state', 'in', ['running', 'evaluating'])
    .execute();
  for (const { id } of runs)
    await transition(tx, 'training_run', {
      id,
      from: ['running', 'evaluating'],
      to: 'queued',
      cause: 'the program was stopped',
    });
  return runs.length;
}

/** Moves a run on; sets its times. */
export async function transitionTrainingRun(
  tx: Tx,
  change: Transition<TrainingRunState> & { readonly error?: string; readonly modelVersionId?: string },
): Promise<TransitionResult> {
  const result = await transition(tx, 'training_run', change);
  if (!result.ok) return result;
  const finished = !(ACTIVE as readonly string[]).includes(change.to);
  const facts = {
    ...(change.to === 'running' ? { startedAt: sql<Date>`now()` } : {}),
    ...(finished ? { finishedAt: sql<Date>`now()` } : {}),
    ...(change.error === undefined ? {} : { error: change.error }),
    ...(change.modelVersionId === undefined ? {} : { modelVersionId: change.modelVersionId }),
  };
  if (Object.keys(facts).length === 0) return result;
  await tx.updateTable('trainingRun').set(facts).where('id', '=', change.id).execute();
  return result;
}

export async function setTrainingProgress(db: Database, id: string, progress: JsonObject): Promise<void> {
  await db.updateTable('trainingRun').set({ progress }).where('id', '=', id).execute();
}

/** The run that made a model version; undefined for a shipped one. */
export async function runOfVersion(db: Database, modelVersionId: string): Promise<TrainingRun | undefined> {
  return db
    .selectFrom('trainingRun')
    .selectAll()
    .where('modelVersionId', '=', modelVersionId)
    .executeTakeFirst();
}

export async function getTrainingRun(db: Database, id: string): Promise<TrainingRun | undefined> {
  return db.selectFrom('trainingRun').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Newest first. */
export async function listTrainingRuns(
  db: Database,
  filter: { readonly modelId?: string; readonly activeOnly?: boolean; readonly limit?: number },
): Promise<readonly TrainingRun[]> {
  let query = db.selectFrom('trainingRun').selectAll().orderBy('seq', 'desc');
  if (filter.modelId !== undefined) query = query.where('modelId', '=', filter.modelId);
  if (filter.activeOnly) query = query.where('state', 'in', ACTIVE);
  if (filter.limit !== undefined) query = query.limit(filter.limit);
  return query.execute();
}

/** Tells this conversation when the run ends; asking twice changes nothing. */
export async function watchTrainingRun(tx: Tx, trainingRunId: string, conversationId: string): Promise<void> {
  await tx
    .insertInto('watcher')
    .values({ trainingRunId, conversationId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function watchersOf(db: Database, trainingRunId: string): Promise<readonly Conversation[]> {
  return db
    .selectFrom('watcher')
    .innerJoin('conversation', 'conversation.id', 'watcher.conversationId')
    .selectAll('conversation')
    .where('watcher.trainingRunId', '=', trainingRunId)
    .orderBy('watcher.createdAt')
    .execute();
}
