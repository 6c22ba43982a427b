// Which paid calls are checked against retraining: about one in a hundred, drawn by the hash of the call's id with a secret
// salt of its UTC day. A salt is made the day before and its hash (the commitment) is open from then on, the salt itself
// once its day is over: nobody can choose calls once they have ids, and everybody can draw them again. (Ids are made here: what
// this does not show is a changed program that gave some calls ids of its choice.)
// Used by attribute-call.ts, reconciler.ts (which makes the salts) and audit-days.ts. The first day of a database has a
// salt made on the day itself; its row tells.
import { createHash, randomBytes } from 'node:crypto';
import type { Database, Tx } from '../../../db/database.ts';
import {
  getAuditSalt,
  saveAuditSalt,
  saveDrawnCall,
} from '../../../db/repositories/call-audit-repository.ts';
import type { Call } from '../../../db/schema.ts';
import { enqueueJob } from '../../jobs/enqueue-job.ts';
import type { MarketplaceContext } from '../../marketplace-context.ts';

const DAY_MS = 86_400_000;

/** YYYY-MM-DD in UTC. */
export const dayOf = (time: Date): string => time.toISOString().slice(0, 10);

/** sha256 of the salt's 32 bytes, 0x hex. */
export const commitmentOf = (salt: string): string =>
  `0x${createHash('sha256')
    .update(Buffer.from(salt.slice(2), 'hex'))
    .digest('hex')}`;

/** A number in [0, 1) that only who knows the salt can tell: the first 48 bits of sha256(salt bytes, call id). */
export function drawOf(salt: string, callId: string): number {
  const hash = createHash('sha256')
    .update(Buffer.from(salt.slice(2), 'hex'))
    .update(callId)
    .digest();
  return hash.readUIntBE(0, 6) / 2 ** 48;
}

/** Makes the salts of today and tomorrow where they are missing. */
export async function ensureSalts(db: Database, now: Date): Promise<void> {
  for (const day of [dayOf(now), dayOf(new Date(now.getTime() + DAY_MS))])
    if ((await getAuditSalt(db, day)) === undefined) await makeSalt(db, day);
}

async function makeSalt(db: Database, day: string): Promise<{ readonly salt: string }> {
  const salt = `0x${randomBytes(32).toString('hex')}`;
  return await saveAuditSalt(db, { day, salt, commitment: commitmentOf(salt) });
}

/** Draws a call that has just been attributed; a drawn one is checked in the background. */
export async function drawCall(
  tx: Tx,
  { settings, clock }: Pick<MarketplaceContext, 'settings' | 'clock'>,
  call: Pick<Call, 'id' | 'modelVersionId' | 'settledAt'>,
): Promise<void> {
  const day = dayOf(call.settledAt ?? clock());
  const { salt } = (await getAuditSalt(tx, day)) ?? (await makeSalt(tx, day));
  if (drawOf(salt, call.id) >= settings.auditCallsPart) return;
  await saveDrawnCall(tx, { callId: call.id, modelVersionId: call.modelVersionId, day });
  await enqueueJob(tx, 'check-call', { callId: call.id });
}
