// A person's ledger, one line an event, newest first, in pages. Used by refund-verbs.ts and read-balance.ts. Reads only.
// Invariant: the amounts of all pages sum to all that the person has here.
import type { Database } from '../db/database.ts';
import type { Nano } from '../db/ledger/amount.ts';
import { type HistoryRow, historyOf } from '../db/repositories/history-repository.ts';
import { receiptNumber } from './receipts/receipt-number.ts';

export interface HistoryLine {
  readonly at: Date;
  readonly kind: HistoryRow['kind'];
  /** `spending`: what answers are paid from; else the account that earned. */
  readonly purse: HistoryRow['purse'];
  /** Positive: came in. */
  readonly amountNano: Nano;
  readonly reason: string | null;
  /** Of the answer it belongs to. */
  readonly receiptNumber: string | null;
}

export interface HistoryPage {
  readonly lines: readonly HistoryLine[];
  /** From 1. */
  readonly page: number;
  readonly hasOlder: boolean;
}

const HISTORY_PAGE_LINES = 10;

export async function readHistory(
  db: Database,
  personId: string,
  { page = 1, lines = HISTORY_PAGE_LINES }: { readonly page?: number; readonly lines?: number } = {},
): Promise<HistoryPage> {
  const rows = await historyOf(db, personId, { limit: lines + 1, offset: (page - 1) * lines });
  return { lines: rows.slice(0, lines).map(lineOf), page, hasOlder: rows.length > lines };
}

const lineOf = ({ at, kind, purse, amountNano, reason, receiptNumber: number }: HistoryRow): HistoryLine => ({
  at,
  kind,
  purse,
  amountNano,
  reason,
  receiptNumber: number === null ? null : receiptNumber(number),
});
