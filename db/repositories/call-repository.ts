/**
 * Calls: one paid request each, made once per inbound event. States: quoted → held → generating → captured | voided | unknown;
 * unknown → captured | voided by the job that reconciles (the database refuses other moves). The money itself is in ledger/.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { Nano } from '../ledger/amount.ts';
import { newId } from '../new-id.ts';
import type { Call, CallState } from '../schema.ts';

interface NewCall {
  /** The inbound event that asks for it; a second call with it is the first one. */
  readonly eventKey: string;
  readonly personId: string;
  readonly conversationId: string | null;
  readonly modelId: string;
  readonly modelVersionId: string;
  readonly ceilingNano: Nano;
  /** What the person wrote. */
  readonly prompt: string;
  readonly promptHash: string;
  /** Decides which day's budget it counts in; default: the database's clock. */
  readonly quotedAt?: Date;
}

/** Creates the call, or finds the one this event made before (`created` false). */
export async function createCall(
  tx: Tx,
  call: NewCall,
): Promise<{ readonly call: Call; readonly created: boolean }> {
  const created = await tx
    .insertInto('call')
    .values({ ...call, id: newId('call') })
    .onConflict((conflict) => conflict.column('eventKey').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (created) return { call: created, created: true };
  const call_ = await tx
    .selectFrom('call')
    .selectAll()
    .where('eventKey', '=', call.eventKey)
    .executeTakeFirstOrThrow();
  return { call: call_, created: false };
}

/** What becomes known as a call moves on. */
interface CallFacts {
  readonly holdId?: string;
  readonly priceNano?: Nano;
  readonly promptTokens?: number;
  readonly answerTokens?: number;
  readonly answer?: string;
  readonly errorCode?: string | null;
  readonly finishReason?: string;
}

type MoveCallResult =
  | { readonly ok: true; readonly call: Call }
  | { readonly ok: false; readonly code: 'not_found' }
  | { readonly ok: false; readonly code: 'wrong_state'; readonly state: CallState };

const TIMES: Partial<Record<CallState, 'heldAt' | 'generatingAt' | 'settledAt'>> = {
  held: 'heldAt',
  generating: 'generatingAt',
  captured: 'settledAt',
  voided: 'settledAt',
};

/** Moves the call if it is in one of `from`, and writes down what became known. */
export async function moveCall(
  tx: Tx,
  {
    id,
    from,
    to,
    facts = {},
  }: {
    readonly id: string;
    readonly from: readonly CallState[];
    readonly to: CallState;
    readonly facts?: CallFacts;
  },
): Promise<MoveCallResult> {
  const time = TIMES[to];
  const call = await tx
    .updateTable('call')
    .set({ ...facts, state: to, ...(time ? { [time]: new Date() } : {}) })
    .where('id', '=', id)
    .where('state', 'in', from)
    .returningAll()
    .executeTakeFirst();
  if (call) return { ok: true, call };
  const now = await getCall(tx, id);
  return now ? { ok: false, code: 'wrong_state', state: now.state } : { ok: false, code: 'not_found' };
}

export async function getCall(db: Database, id: string): Promise<Call | undefined> {
  return db.selectFrom('call').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function getCallByEvent(db: Database, eventKey: string): Promise<Call | undefined> {
  return db.selectFrom('call').selectAll().where('eventKey', '=', eventKey).executeTakeFirst();
}

/** The person's newest calls, newest first. */
export async function callsOf(db: Database, personId: string, limit: number): Promise<readonly Call[]> {
  return db
    .selectFrom('call')
    .selectAll()
    .where('personId', '=', personId)
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
}

/** Whether the model has answered this person before. */
export async function hasAnswered(
  db: Database,
  { personId, modelId }: { readonly personId: string; readonly modelId: string },
): Promise<boolean> {
  const call = await db
    .selectFrom('call')
    .select('id')
    .where('personId', '=', personId)
    .where('modelId', '=', modelId)
    .where('state', '=', 'captured')
    .limit(1)
    .executeTakeFirst();
  return call !== undefined;
}

/** Calls that are not settled and were quoted before `before`: what a stopped program left, for the reconciling job. */
export async function unsettledCalls(db: Database, before: Date): Promise<readonly Call[]> {
  return db
    .selectFrom('call')
    .selectAll()
    .where('state', 'in', ['quoted', 'held', 'generating', 'unknown'])
    .where('quotedAt', '<', before)
    .orderBy('seq')
    .execute();
}

/** Captured calls whose data pool has not been attributed yet, oldest first. */
export async function unattributedCalls(db: Database, limit: number): Promise<readonly Call[]> {
  return db
    .selectFrom('call')
    .selectAll()
    .where('state', '=', 'captured')
    .where('attributedAt', 'is', null)
    .orderBy('seq')
    .limit(limit)
    .execute();
}

/** Marks the call attributed; false when it was already (somebody else did it). */
export async function markAttributed(tx: Tx, id: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('call')
    .set({ attributedAt: sql`now()` })
    .where('id', '=', id)
    .where('state', '=', 'captured')
    .where('attributedAt', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}
