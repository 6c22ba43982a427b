// Signs receipts with the node's key: right after attribution, when somebody reads one, and by a loop that takes up what is
// left, so that a key that is slow or away for a while never costs a call its receipt. Used by attribute-call.ts,
// read-receipt.ts and whoever starts signReceiptsRegularly. The key is asked outside any transaction.
// Invariant: a signature is stored only beside the very hash it is of, and only of the key that the receipt itself names
// (receipts of schema 1 name none). Signatures are deterministic (RFC 6979), so doing it twice changes nothing.
import type { Database } from '../../db/database.ts';
import { getReceipt } from '../../db/repositories/receipt-repository.ts';
import type { Receipt } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isDatabaseAway } from '../wait-for-database.ts';
import { type AnyReceiptBody, isOldReceipt } from './old-receipt.ts';
import { signHash } from './receipt-signature.ts';

type Market = Pick<MarketplaceContext, 'db' | 'log' | 'nodeKey'>;

const BATCH = 100;
const EVERY_MS = 1_000;

/** The receipt, signed if that could be done now. */
export async function signedReceipt(market: Market, receipt: Receipt): Promise<Receipt> {
  if (receipt.signature !== null || !isOurs(market, receipt)) return receipt;
  try {
    return await sign(market, receipt);
  } catch (fault) {
    market.log.warn(
      { err: fault, callId: receipt.callId },
      'a receipt could not be signed; tried again later',
    );
    return receipt;
  }
}

/** Signs the receipts that are not signed yet, oldest first. @returns how many were signed */
export async function signReceipts(market: Market): Promise<number> {
  let signed = 0;
  let after = 0;
  for (;;) {
    const waiting = await unsignedReceipts(market.db, after);
    for (const receipt of waiting) {
      after = receipt.number;
      if (!isOurs(market, receipt)) continue;
      // A key that is away is not asked for the rest of them too.
      if ((await signedReceipt(market, receipt)).signature === null) return signed;
      signed += 1;
    }
    if (waiting.length < BATCH) return signed;
  }
}

/** Every second, until stopped; a round that fails is tried again. */
export function signReceiptsRegularly(market: Market): { stop(): Promise<void> } {
  let round: Promise<unknown> = Promise.resolve();
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    round = signReceipts(market)
      .catch((fault: unknown) => {
        market.log[isDatabaseAway(fault) ? 'warn' : 'error']({ err: fault }, 'signing of receipts failed');
      })
      .finally(() => {
        running = false;
      });
  }, EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await round;
    },
  };
}

/** Whether the receipt asks for this node's key; another one's signature would not make it true. */
function isOurs({ nodeKey }: Market, { body }: Receipt): boolean {
  const named = namedSigner(body as unknown as AnyReceiptBody);
  return named === null || named === nodeKey.address.toLowerCase();
}

function namedSigner(body: AnyReceiptBody): string | null {
  return isOldReceipt(body) ? null : (body.attribution?.signer ?? body.signer);
}

async function sign({ db, nodeKey }: Market, { callId, hash }: Receipt): Promise<Receipt> {
  const signature = await signHash(nodeKey, 'receipt', hash);
  await db
    .updateTable('receipt')
    .set({ signature, signer: nodeKey.address.toLowerCase() })
    .where('callId', '=', callId)
    .where('hash', '=', hash)
    .where('signature', 'is', null)
    .execute();
  // Completed meanwhile: the newer form has a signature of its own to come.
  const now = await getReceipt(db, callId);
  if (now === undefined) throw new Error(`the receipt of call ${callId} is gone`);
  return now;
}

async function unsignedReceipts(db: Database, after: number): Promise<readonly Receipt[]> {
  return await db
    .selectFrom('receipt')
    .selectAll()
    .where('signature', 'is', null)
    .where('number', '>', after)
    .orderBy('number')
    .limit(BATCH)
    .execute();
}
