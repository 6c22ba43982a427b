/**
 * State changes of datanets, contributions, models, model versions and training runs: compare-and-set, with a row telling
 * from, to and cause for every one. Used by the repositories of those nouns (`transition`), and by whoever shows a history.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { LifecycleEvent } from '../schema.ts';

const TABLES = {
  datanet: 'datanet',
  contribution: 'contribution',
  model: 'model',
  model_version: 'model_version',
  training_run: 'training_run',
} as const;
type SubjectKind = keyof typeof TABLES;

export type TransitionResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'not_found' }
  | { readonly ok: false; readonly code: 'wrong_state'; readonly state: string };

export interface Transition<State extends string> {
  readonly id: string;
  /** States from which the change may be made. */
  readonly from: readonly State[];
  readonly to: State;
  /** Why, in words or as a code; shown to people. */
  readonly cause: string;
}

/** Moves the subject if it is in one of `from`, and records it; otherwise changes nothing and tells the state it is in. */
export async function transition<State extends string>(
  tx: Tx,
  subject: SubjectKind,
  { id, from, to, cause }: Transition<State>,
): Promise<TransitionResult> {
  const table = sql.table(TABLES[subject]);
  const { rows } = await sql<{
    state: State;
  }>`select state from ${table} where id = ${id} for update`.execute(tx);
  const [row] = rows;
  if (!row) return { ok: false, code: 'not_found' };
  if (!from.includes(row.state)) return { ok: false, code: 'wrong_state', state: row.state };
  await sql`update ${table} set state = ${to} where id = ${id}`.execute(tx);
  await recordLifecycle(tx, { subject, id, from: row.state, to, cause });
  return { ok: true };
}

/** Records a state without changing one: the first state of something new. */
export async function recordLifecycle(
  tx: Tx,
  event: {
    /** A consent has no row of its own states: it is there or not. */
    readonly subject: SubjectKind | 'consent';
    readonly id: string;
    readonly from: string | null;
    readonly to: string;
    readonly cause: string;
  },
): Promise<void> {
  await tx
    .insertInto('lifecycleEvent')
    .values({
      subjectKind: event.subject,
      subjectId: event.id,
      fromState: event.from,
      toState: event.to,
      cause: event.cause,
    })
    .execute();
}

/** Every state change of a subject, oldest first. */
export async function lifecycleOf(
  db: Database,
  subject: SubjectKind,
  id: string,
): Promise<readonly LifecycleEvent[]> {
  return db
    .selectFrom('lifecycleEvent')
    .selectAll()
    .where('subjectKind', '=', subject)
    .where('subjectId', '=', id)
    .orderBy('id')
    .execute();
}
