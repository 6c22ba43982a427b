// The prompt of an answered call exactly as the engine was given it, found by the hash in the call's own receipt: what was too
// long was left out when it was asked, and what is attributed, shown and recomputed must be the same words. Used by
// attribute-call.ts and the evidence views. Reads only.
import { getReceipt } from '../../db/repositories/receipt-repository.ts';
import type { Call, ModelVersion } from '../../db/schema.ts';
import type { ChatMessage } from '../../engine/engine.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { historyMessagesMax, messagesOfCall } from '../prompt-messages.ts';
import type { AnyReceiptBody } from '../receipts/old-receipt.ts';
import { privateWords } from '../receipts/private-words.ts';

/** As many earlier messages as the version takes, where the receipt (one of schema 1, say) does not prove how many it was. */
export async function servedPrompt(
  { db, settings }: Pick<MarketplaceContext, 'db' | 'settings'>,
  call: Call,
  version: ModelVersion,
): Promise<readonly ChatMessage[]> {
  const receipt = await getReceipt(db, call.id);
  if (receipt?.salt != null) {
    const { promptHash } = receipt.body as unknown as AnyReceiptBody;
    const words = await privateWords(db, call, { salt: receipt.salt, promptHash });
    if (words !== undefined) return words.prompt as readonly ChatMessage[];
  }
  return await messagesOfCall(db, call, historyMessagesMax(version, settings));
}
