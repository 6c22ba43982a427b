// The days of checked calls as everybody may see them: the commitment to each day's salt, and, once the day is over, the salt
// and what became of every call it drew. Who has a receipt can draw its call again and find it here. Used by
// audit-verbs.ts. Reads only; calls are named by their ids and receipts, people not at all.
import { listAuditSalts, listDrawnCalls } from '../../../db/repositories/call-audit-repository.ts';
import type { MarketplaceContext } from '../../marketplace-context.ts';
import { receiptNumber } from '../../receipts/receipt-number.ts';
import type { CallCheck } from './call-check.ts';
import { dayOf } from './draw-call.ts';

export interface AuditDay {
  /** UTC, YYYY-MM-DD. */
  readonly day: string;
  /** sha256 of the salt's 32 bytes, open since `committedAt`. */
  readonly commitment: string;
  readonly committedAt: Date;
  /** Null until the day is over. */
  readonly salt: string | null;
  /** Null until the day is over. */
  readonly drawn: readonly DrawnCall[] | null;
}

export interface DrawnCall {
  readonly call: string;
  readonly receipt: string;
  readonly state: 'due' | 'done' | 'left_out';
  /** Why it was left out. */
  readonly reason: string | null;
  readonly check: CallCheck | null;
}

const DAYS = 60;

/** Newest first, tomorrow's commitment among them. */
export async function auditDays({
  db,
  clock,
}: Pick<MarketplaceContext, 'db' | 'clock'>): Promise<readonly AuditDay[]> {
  const today = dayOf(clock());
  const salts = await listAuditSalts(db, DAYS);
  return await Promise.all(
    salts.map(async ({ day, commitment, createdAt, salt }): Promise<AuditDay> => {
      const isOver = day < today;
      const calls = isOver ? await listDrawnCalls(db, day) : null;
      return {
        ...{ day, commitment, committedAt: createdAt, salt: isOver ? salt : null },
        drawn:
          calls?.map(({ callId, number, state, reason, report }) => ({
            ...{ call: callId, receipt: receiptNumber(number), state, reason },
            check: report as unknown as CallCheck | null,
          })) ?? null,
      };
    }),
  );
}
