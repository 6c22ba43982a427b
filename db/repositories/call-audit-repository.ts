/**
 * Paid calls drawn for a check, and the secret salts by which they are drawn: one a UTC day, made before that day, its hash
 * open from then on. A call is checked once; the database refuses a second finding.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { JsonObject } from '../schema.ts';
import type { CallAudit } from '../schema-audit.ts';

export interface AuditSalt {
  /** UTC, YYYY-MM-DD. */
  readonly day: string;
  readonly salt: string;
  readonly commitment: string;
  readonly createdAt: Date;
}

/** Stores a day's salt, or finds the one that was stored before. */
export async function saveAuditSalt(db: Database, salt: Omit<AuditSalt, 'createdAt'>): Promise<AuditSalt> {
  await db
    .insertInto('auditSalt')
    .values(salt)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return db.selectFrom('auditSalt').selectAll().where('day', '=', salt.day).executeTakeFirstOrThrow();
}

export async function getAuditSalt(db: Database, day: string): Promise<AuditSalt | undefined> {
  return db.selectFrom('auditSalt').selectAll().where('day', '=', day).executeTakeFirst();
}

/** Newest first. */
export async function listAuditSalts(db: Database, limit: number): Promise<readonly AuditSalt[]> {
  return db.selectFrom('auditSalt').selectAll().orderBy('day', 'desc').limit(limit).execute();
}

/** Notes that a call was drawn. */
export async function saveDrawnCall(
  tx: Tx,
  drawn: { readonly callId: string; readonly modelVersionId: string; readonly day: string },
): Promise<void> {
  await tx
    .insertInto('callAudit')
    .values({ ...drawn, versionAuditId: null, report: null, reason: null, finishedAt: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function getCallAudit(db: Database, callId: string): Promise<CallAudit | undefined> {
  return db.selectFrom('callAudit').selectAll().where('callId', '=', callId).executeTakeFirst();
}

/** Calls that wait for their check, oldest first. */
export async function dueCallAudits(db: Database, modelVersionId: string): Promise<readonly CallAudit[]> {
  return db
    .selectFrom('callAudit')
    .selectAll()
    .where('modelVersionId', '=', modelVersionId)
    .where('state', '=', 'due')
    .orderBy('createdAt')
    .execute();
}

/** Calls that wait for their check while no audit of their version is under way, whose end would take them up; oldest first. */
export async function forgottenCallAudits(
  db: Database,
  limit: number,
): Promise<readonly Pick<CallAudit, 'callId'>[]> {
  return db
    .selectFrom('callAudit')
    .select('callId')
    .where('state', '=', 'due')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('versionAudit')
            .select('versionAudit.id')
            .whereRef('versionAudit.modelVersionId', '=', 'callAudit.modelVersionId')
            .where('versionAudit.state', 'in', ['queued', 'running']),
        ),
      ),
    )
    .orderBy('createdAt')
    .limit(limit)
    .execute();
}

/** Ends the check of a call; does nothing when it was over already. */
export async function endCallAudit(
  tx: Tx,
  callId: string,
  end:
    | { readonly state: 'done'; readonly versionAuditId: string; readonly report: JsonObject }
    | { readonly state: 'left_out'; readonly reason: string },
): Promise<void> {
  await tx
    .updateTable('callAudit')
    .set({ ...end, finishedAt: sql<Date>`now()` })
    .where('callId', '=', callId)
    .where('state', '=', 'due')
    .execute();
}

/** How many calls a day's salt drew. */
export async function countDrawnCalls(db: Database, day: string): Promise<number> {
  const { calls } = await db
    .selectFrom('callAudit')
    .select(sql<number>`count(*)::int`.as('calls'))
    .where('day', '=', day)
    .executeTakeFirstOrThrow();
  return calls;
}

/** Calls drawn by a day's salt, with their receipts, oldest first. @param after number of the last receipt that was seen */
export async function listDrawnCalls(
  db: Database,
  day: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly (CallAudit & { readonly number: number })[]> {
  return db
    .selectFrom('callAudit')
    .innerJoin('receipt', 'receipt.callId', 'callAudit.callId')
    .selectAll('callAudit')
    .select('receipt.number')
    .where('callAudit.day', '=', day)
    .where('receipt.number', '>', after)
    .orderBy('receipt.number')
    .limit(limit)
    .execute();
}

/** What the checks of a version's calls found, oldest first. */
export async function callAuditReports(
  db: Database,
  modelVersionId: string,
): Promise<readonly { readonly callId: string; readonly report: JsonObject | null }[]> {
  return db
    .selectFrom('callAudit')
    .select(['callId', 'report'])
    .where('modelVersionId', '=', modelVersionId)
    .where('state', '=', 'done')
    .orderBy('createdAt')
    .execute();
}
