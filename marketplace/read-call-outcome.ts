// How the call of an inbound event ended, for whoever lost the answer on its way: a bot that was restarted while the call
// ran delivers this instead. Used by create-marketplace.ts. Reads only.
import type { Nano } from '../db/ledger/amount.ts';
import { balances } from '../db/ledger/balances.ts';
import { warningsOfCall } from '../db/repositories/budget-repository.ts';
import { getCallByEvent } from '../db/repositories/call-repository.ts';
import { getModel } from '../db/repositories/model-repository.ts';
import { getModelVersion } from '../db/repositories/model-version-repository.ts';
import { getReceipt } from '../db/repositories/receipt-repository.ts';
import type { CallDone, CallRefusal } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { refusalOfSeen } from './open-call.ts';
import { receiptNumber } from './receipts/receipt-number.ts';

/** The answer with its price; why there is none; `call_in_progress` while undecided; null for an unknown event. */
export async function readCallOutcome(
  { db }: Pick<MarketplaceContext, 'db'>,
  eventKey: string,
): Promise<CallDone | CallRefusal | null> {
  const call = await getCallByEvent(db, eventKey);
  if (call === undefined) return null;
  const receipt = await getReceipt(db, call.id);
  if (call.state !== 'captured' || receipt === undefined) return refusalOfSeen(call);
  const model = await getModel(db, call.modelId);
  const version = await getModelVersion(db, call.modelVersionId);
  const { spendableNano } = await balances(db, call.personId);
  return {
    ok: true,
    callId: call.id,
    receiptNumber: receiptNumber(receipt.number),
    text: call.answer ?? '',
    reason: (call.finishReason ?? 'stop') as CallDone['reason'],
    priceNano: call.priceNano as Nano,
    availableNano: spendableNano,
    modelTitle: model?.title ?? '',
    versionNumber: version?.number ?? 0,
    droppedMessages: 0,
    warnings: await warningsOfCall(db, call.id),
    shortenedBy: null,
  };
}
