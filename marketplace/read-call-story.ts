// Everything that was written down about one call: its row, its ledger entries, its shares, its receipt and whether the
// receipt is true. Used by the tour and by tests. Reads only.
import { entriesOfCall } from '../db/ledger/balances.ts';
import { getCall } from '../db/repositories/call-repository.ts';
import { type CallShareLine, sharesOfCall } from '../db/repositories/call-share-repository.ts';
import { getReceipt } from '../db/repositories/receipt-repository.ts';
import type { Call, Receipt } from '../db/schema.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import type { ReceiptBody } from './receipts/receipt-body.ts';
import type { ReceiptCheck } from './receipts/receipt-check.ts';
import { verifyReceipt } from './receipts/verify-receipt.ts';

export interface CallStory {
  readonly call: Call;
  /** Oldest first; each transfer's entries sum to zero. */
  readonly entries: Awaited<ReturnType<typeof entriesOfCall>>;
  readonly shares: readonly CallShareLine[];
  readonly receipt: Receipt | null;
  readonly checks: readonly ReceiptCheck[];
}

export async function readCallStory(
  { db }: Pick<MarketplaceContext, 'db'>,
  callId: string,
): Promise<CallStory | null> {
  const call = await getCall(db, callId);
  if (call === undefined) return null;
  const receipt = (await getReceipt(db, callId)) ?? null;
  return {
    call,
    entries: await entriesOfCall(db, callId),
    shares: await sharesOfCall(db, callId),
    receipt,
    checks: receipt === null ? [] : verifyReceipt(receipt.body as unknown as ReceiptBody, receipt.hash),
  };
}
