// The days of checked calls as everybody may see them: the commitment to each day's salt, and, once the day is over, the salt
// and what became of every call it drew. Who has a receipt can draw its call again and find it here. Used by
// audit-verbs.ts. Reads only; calls are named by their ids and receipts, people not at all.
import {
  type AuditSalt,
  countDrawnCalls,
  getAuditSalt,
  listAuditSalts,
  listDrawnCalls,
} from '../../../db/repositories/call-audit-repository.ts';
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
  /** How many calls the salt drew, and the first of them; null until the day is over. */
  readonly drawnInAll: number | null;
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
/** Anybody may ask: a page stays of a size, however many calls there are. */
const DRAWN_OF_EACH = 50;
const DRAWN_OF_ONE = 500;

type Market = Pick<MarketplaceContext, 'db' | 'clock'>;

/** Newest first, tomorrow's commitment among them; the first 50 calls of each day. */
export async function auditDays(market: Market): Promise<readonly AuditDay[]> {
  const salts = await listAuditSalts(market.db, DAYS);
  return await Promise.all(salts.map((salt) => dayView(market, salt, { after: 0, limit: DRAWN_OF_EACH })));
}

/** One day, however long ago, and 500 of its calls. @param after number of the last receipt that was seen, 0 = from the first */
export async function auditDay(market: Market, day: string, after: number): Promise<AuditDay | null> {
  const salt = await getAuditSalt(market.db, day);
  return salt === undefined ? null : await dayView(market, salt, { after, limit: DRAWN_OF_ONE });
}

async function dayView(
  { db, clock }: Market,
  { day, commitment, createdAt, salt }: AuditSalt,
  page: { readonly after: number; readonly limit: number },
): Promise<AuditDay> {
  const told = { day, commitment, committedAt: createdAt };
  if (day >= dayOf(clock())) return { ...told, salt: null, drawnInAll: null, drawn: null };
  const drawn = (await listDrawnCalls(db, day, page)).map(({ callId, number, state, reason, report }) => ({
    ...{ call: callId, receipt: receiptNumber(number), state, reason },
    check: report as unknown as CallCheck | null,
  }));
  return { ...told, salt, drawnInAll: await countDrawnCalls(db, day), drawn };
}
