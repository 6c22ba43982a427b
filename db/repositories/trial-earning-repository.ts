/**
 * What was earned by calls that the starter grant paid: earned and shown, never paid out. Written with every capture and every
 * split; read by payouts and by what people see of their earnings. The database refuses a payout that would touch it.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import { type Nano, ZERO_NANO } from '../ledger/amount.ts';

/** Notes the grant's part of what the call has paid so far; a call that was paid in full by its asker writes nothing. */
export async function noteTrialEarnings(tx: Tx, callId: string): Promise<void> {
  await sql`insert into trial_earning (call_id, kind, owner_id, amount_nano)
    select call_id, kind, owner_id, amount_nano from trial_earned(${callId})
    on conflict do nothing`.execute(tx);
}

/** What a person earned from trial credit, as a contributor, creator or node together. */
export async function trialEarned(db: Database, ownerId: string): Promise<Nano> {
  const { rows } = await sql<{ nano: Nano }>`
    select coalesce(sum(amount_nano), 0)::bigint as nano from trial_earning
    where owner_id = ${ownerId} and kind <> 'platform'`.execute(db);
  return rows[0]?.nano ?? ZERO_NANO;
}
