// 🔍 who made this answer: the shares of a call as people see them, largest first, with the contribution each points to,
// and what its version was trained on.
// Used by create-marketplace.ts. Reads only; the figures are those the ledger paid.
import { addNano, type Nano, nano, ZERO_NANO } from '../db/ledger/amount.ts';
import { getCall } from '../db/repositories/call-repository.ts';
import { type CallShareLine, sharesOfCall } from '../db/repositories/call-share-repository.ts';
import { getDatanetVersion } from '../db/repositories/datanet-version-repository.ts';
import { getModel } from '../db/repositories/model-repository.ts';
import { getModelVersion } from '../db/repositories/model-version-repository.ts';
import { getReceipt } from '../db/repositories/receipt-repository.ts';
import { learntFrom } from './factory/phase-record.ts';
import type { Provenance } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import type { ReceiptBody } from './receipts/receipt-body.ts';
import { receiptNumber } from './receipts/receipt-number.ts';
import { PPM } from './split-price.ts';

const TOP = 5;

export async function readProvenance(
  { db }: Pick<MarketplaceContext, 'db'>,
  callId: string,
): Promise<Provenance | null> {
  const call = await getCall(db, callId);
  const receipt = await getReceipt(db, callId);
  if (call === undefined || receipt === undefined) return null;
  const model = await getModel(db, call.modelId);
  const version = await getModelVersion(db, call.modelVersionId);
  const made = version === undefined ? undefined : await getDatanetVersion(db, version.datanetVersionId);
  const body = receipt.body as unknown as ReceiptBody;
  const shares = await sharesOfCall(db, callId);
  const influence = shares.filter((share) => share.kind === 'influence');
  return {
    callId,
    receiptNumber: receiptNumber(receipt.number),
    modelTitle: model?.title ?? body.model.slug,
    versionNumber: version?.number ?? body.model.version,
    state: call.attributedAt === null ? 'pending' : 'attributed',
    dataPoolNano: nano(BigInt(body.partsNano.data)),
    fallbackNano: sumOf(shares.filter((share) => share.kind === 'fallback')),
    alpha: (body.attribution?.alphaPpm ?? 0) / PPM,
    top: influence.slice(0, TOP).map((share) => ({
      pseudonym: share.pseudonym,
      share: share.sharePpm / PPM,
      amountNano: share.amountNano,
      question: share.question ?? '',
      answer: share.answer ?? '',
    })),
    contributorsPaid: new Set(shares.filter((share) => share.amountNano > 0n).map((share) => share.personId))
      .size,
    learntFrom: version === undefined ? [] : learntFrom(version, made?.contributionCount ?? 0),
  };
}

function sumOf(shares: readonly CallShareLine[]): Nano {
  return shares.reduce((sum, share) => addNano(sum, share.amountNano), ZERO_NANO);
}
