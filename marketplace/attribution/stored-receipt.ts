// A receipt with its words by its number, straight from this machine's database, for `npm run attribute` where no file is at hand.
// Used by attribute-cli.ts. Reads only; works beside a running marketplace and without one.
import { connectDatabase } from '../../db/connect-database.ts';
import { getCall } from '../../db/repositories/call-repository.ts';
import { getReceiptByNumber } from '../../db/repositories/receipt-repository.ts';
import type { AnyReceiptBody } from '../receipts/old-receipt.ts';
import { privateWords } from '../receipts/private-words.ts';
import type { ReceiptCheck } from '../receipts/receipt-check.ts';
import type { ReceiptFile } from '../receipts/receipt-file.ts';
import { parseReceiptNumber } from '../receipts/receipt-number.ts';
import { verifyReceipt } from '../receipts/verify-receipt.ts';

const log = {
  info: () => undefined,
  warn: (_: object, message: string) => console.error(message),
  error: (_: object, message: string) => console.error(message),
};

/** Null where no receipt has this number. @throws DatabaseFault when the database cannot be reached */
export async function storedReceipt(
  named: string,
  dataDir: string,
): Promise<{ readonly file: ReceiptFile; readonly checks: readonly ReceiptCheck[] } | null> {
  const number = parseReceiptNumber(named);
  if (number === null) return null;
  const database = await connectDatabase({
    databaseUrl: process.env.DATABASE_URL || undefined,
    databaseOwnerUrl: process.env.DATABASE_OWNER_URL || undefined,
    dataDir,
    leaveAsFound: true,
    log,
  });
  try {
    const { db } = database;
    const receipt = await getReceiptByNumber(db, number);
    const call = receipt === undefined ? undefined : await getCall(db, receipt.callId);
    if (receipt === undefined || call === undefined) return null;
    const { salt, signature, signer, hash } = receipt;
    const body = receipt.body as unknown as AnyReceiptBody;
    const words =
      salt === null ? undefined : await privateWords(db, call, { salt, promptHash: body.promptHash });
    const file = { receipt: body, signature, signer, epoch: null };
    return {
      file: words === undefined ? file : { ...file, private: words },
      checks: verifyReceipt(body, hash),
    };
  } finally {
    await database.close();
  }
}
