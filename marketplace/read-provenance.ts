// 🔍 who made this answer: the shares of a call as people see them, largest first, with the contribution each points to,
// the words of the answer that stand in contributions, and what its version was trained on.
// Used by create-marketplace.ts. Reads only; the figures are those the ledger paid. What was taken back is shown to nobody, and
// words only where the answer stands.
import { addNano, type Nano, nano, ZERO_NANO } from '../db/ledger/amount.ts';
import { getCall } from '../db/repositories/call-repository.ts';
import { type CallShareLine, sharesOfCall } from '../db/repositories/call-share-repository.ts';
import { getDatanetVersion } from '../db/repositories/datanet-version-repository.ts';
import { getModel } from '../db/repositories/model-repository.ts';
import { getModelVersion } from '../db/repositories/model-version-repository.ts';
import { getReceipt } from '../db/repositories/receipt-repository.ts';
import type { Call, ModelVersion } from '../db/schema.ts';
import { auditStanding } from './attribution/audits/audit-standing.ts';
import { makerOf, readMakers } from './attribution/read-makers.ts';
import { sentencesOf } from './attribution/sentences.ts';
import { spanEvidence } from './attribution/span-evidence.ts';
import { standsIn } from './attribution/stands-in.ts';
import { learntFrom } from './factory/phase-record.ts';
import type { AskInput, Provenance } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import type { ReceiptBody } from './receipts/receipt-body.ts';
import { receiptNumber } from './receipts/receipt-number.ts';
import { PPM } from './split-price.ts';

const TOP = 5;

export async function readProvenance(
  market: Pick<MarketplaceContext, 'db' | 'engine' | 'dataDir' | 'log' | 'settings'>,
  callId: string,
  place?: AskInput['conversationKey'],
): Promise<Provenance | null> {
  const { db } = market;
  const call = await getCall(db, callId);
  const receipt = await getReceipt(db, callId);
  if (call === undefined || receipt === undefined) return null;
  const model = await getModel(db, call.modelId);
  const version = await getModelVersion(db, call.modelVersionId);
  const made = version === undefined ? undefined : await getDatanetVersion(db, version.datanetVersionId);
  const body = receipt.body as unknown as ReceiptBody;
  const shares = await sharesOfCall(db, callId);
  const influence = shares.filter((share) => share.kind === 'influence');
  const isHere = await standsIn(db, call, place);
  const isElsewhere = place !== undefined && !isHere;
  const top = influence.slice(0, TOP).map((share) => ({
    ...makerOf(isElsewhere ? { ...share, question: null, answer: null } : share),
    share: share.sharePpm / PPM,
    amountNano: share.amountNano,
  }));
  const isMeasured = (body.attribution?.storeHash ?? '') !== '';
  const answer = isHere ? (call.answer ?? '') : '';
  return {
    callId,
    receiptNumber: receiptNumber(receipt.number),
    modelSlug: model?.slug ?? body.model.slug,
    modelTitle: model?.title ?? body.model.slug,
    versionNumber: version?.number ?? body.model.version,
    state: call.attributedAt === null ? 'pending' : 'attributed',
    dataPoolNano: nano(BigInt(body.partsNano.data)),
    fallbackNano: sumOf(shares.filter((share) => share.kind === 'fallback')),
    alpha: (body.attribution?.alphaPpm ?? 0) / PPM,
    answer,
    note: body.attribution?.note ?? null,
    top,
    spans:
      version === undefined || call.attributedAt === null || answer === ''
        ? []
        : await spansOf(
            market,
            call,
            version,
            influence.map(({ contributionId }) => contributionId ?? ''),
          ),
    sentences: isMeasured ? sentencesOf(answer).length : 0,
    agreement:
      version === undefined
        ? null
        : ((await auditStanding(market, version.id)).done?.report.figures.lds ?? null),
    contributorsPaid: new Set(shares.filter((share) => share.amountNano > 0n).map((share) => share.personId))
      .size,
    learntFrom: version === undefined ? [] : learntFrom(version, made?.contributionCount ?? 0),
  };
}

async function spansOf(
  market: Parameters<typeof spanEvidence>[0],
  call: Call,
  version: ModelVersion,
  paid: readonly string[],
): Promise<Provenance['spans']> {
  const spans = await spanEvidence(market, call, version, paid);
  const makers = await readMakers(
    market.db,
    spans.map(({ contributionId }) => contributionId),
  );
  return spans.flatMap((span) => {
    const maker = makers.get(span.contributionId);
    return maker === undefined || maker.takenBack ? [] : [{ ...maker, ...span }];
  });
}

function sumOf(shares: readonly CallShareLine[]): Nano {
  return shares.reduce((sum, share) => addNano(sum, share.amountNano), ZERO_NANO);
}
