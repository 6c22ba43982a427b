// A statement as a file to keep: JSON with every figure, or CSV with a line for each share, for a spreadsheet. Used by
// statement-verbs.ts. Amounts are whole nano-OPEN and, in CSV, OPEN beside them; nothing in a CSV cell is free text, so that
// no spreadsheet takes one for a formula.
import { formatOpen } from '../../db/ledger/amount.ts';
import { type ShareRow, sharesOfPerson } from '../../db/repositories/statement-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { receiptNumber } from '../receipts/receipt-number.ts';
import { readStatement } from './read-statement.ts';
import type { Period } from './statement.ts';

export type StatementFormat = 'csv' | 'json';

export interface StatementFile {
  readonly fileName: string;
  readonly text: string;
  readonly shares: number;
  /** There are more than fit: the newest are in it. */
  readonly cut: boolean;
}

/** Newest shares in one file; about 3 MB, well under what chats take. */
const SHARES_MAX = 20_000;

export async function statementFile(
  market: Pick<MarketplaceContext, 'db' | 'clock' | 'settings'>,
  personId: string,
  { period, format }: { readonly period: Period; readonly format: StatementFormat },
): Promise<StatementFile> {
  const statement = await readStatement(market, personId, period);
  const { since } = statement;
  const rows = await sharesOfPerson(market.db, personId, { since, limit: SHARES_MAX + 1 });
  const shares = rows.slice(0, SHARES_MAX);
  const day = statement.until.toISOString().slice(0, 10);
  return {
    fileName: `earnings-${period}-${day}.${format}`,
    text: format === 'csv' ? csvOf(shares) : jsonOf({ ...statement, shares: shares.map(plain) }),
    shares: shares.length,
    cut: rows.length > SHARES_MAX,
  };
}

const plain = ({ receipt, at, ...row }: ShareRow) => ({
  at: at.toISOString(),
  receipt: receiptNumber(receipt),
  ...row,
});

/** Amounts as decimal strings: JSON's numbers are floats. */
const jsonOf = (value: object): string =>
  `${JSON.stringify(value, (_, member) => (typeof member === 'bigint' ? member.toString() : member), 2)}\n`;

const COLUMNS = 'at,receipt,model,kind,contribution,share_ppm,amount_nano,amount_open,dust_micronano';

function csvOf(rows: readonly ShareRow[]): string {
  const lines = rows.map((row) =>
    [
      row.at.toISOString(),
      receiptNumber(row.receipt),
      row.model,
      row.kind,
      row.contributionId ?? '',
      row.sharePpm,
      row.amountNano,
      formatOpen(row.amountNano),
      row.dustMicronano,
    ].join(','),
  );
  return `${[COLUMNS, ...lines].join('\r\n')}\r\n`; // RFC 4180
}
