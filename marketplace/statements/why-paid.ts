// "Why was I paid this?": what one call paid a person, line by line with its arithmetic, or why it paid them nothing. Used by
// statement-verbs.ts. Reads only. The figures are the receipt's; the lines are recomputed by the rule that paid (largest
// remainder, see db/ledger/split.ts), so that what is explained is what was done.
import { addNano, type Nano, nano, ZERO_NANO } from '../../db/ledger/amount.ts';
import { getCall } from '../../db/repositories/call-repository.ts';
import { type CallShareLine, sharesOfCall } from '../../db/repositories/call-share-repository.ts';
import { getModel } from '../../db/repositories/model-repository.ts';
import { getModelVersion } from '../../db/repositories/model-version-repository.ts';
import { samePersons } from '../../db/repositories/payable-share-repository.ts';
import { getReceiptByNumber } from '../../db/repositories/receipt-repository.ts';
import { standingIn } from '../../db/repositories/statement-repository.ts';
import type { Call } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isOperator } from '../operators.ts';
import { type AnyReceiptBody, capturedAt } from '../receipts/old-receipt.ts';
import { parseReceiptNumber, receiptNumber } from '../receipts/receipt-number.ts';
import { PPM } from '../split-price.ts';
import type { PaidLine, Why, WhyNotPaid } from './statement.ts';

type Market = Pick<MarketplaceContext, 'db' | 'settings'>;

export async function whyPaid(market: Market, personId: string, typed: string): Promise<Why> {
  const { db } = market;
  const number = parseReceiptNumber(typed);
  const receipt = number === null ? undefined : await getReceiptByNumber(db, number);
  const call = receipt === undefined ? undefined : await getCall(db, receipt.callId);
  if (receipt === undefined || call === undefined) return { ok: false, code: 'no_receipt' };
  const body = receipt.body as unknown as AnyReceiptBody;
  const { attribution } = body;
  if (attribution === null) return { ok: false, code: 'not_attributed_yet' };
  const shares = await sharesOfCall(db, call.id);
  const mine = shares.filter((share) => share.personId === personId);
  // The weights stand in the receipt, whose shares are those of the call in the same order.
  const weightOf = ({ rank, kind }: CallShareLine): number =>
    kind === 'fallback' ? (attribution.shares[rank - 1]?.weight ?? 1) : 0;
  const weights = shares.reduce((sum, share) => sum + weightOf(share), 0);
  const fallback = shares.filter(({ kind }) => kind === 'fallback');
  const standing = await standingOf(market, call, personId);
  const poolNano = nano(BigInt(body.partsNano.data));
  const byInfluence = mine.filter(({ kind }) => kind === 'influence').length;
  return {
    ok: true,
    receiptNumber: receiptNumber(receipt.number),
    model: body.model.slug,
    version: body.model.version,
    capturedAt: capturedAt(body),
    priceNano: nano(BigInt(body.priceNano)),
    dataBps: body.splitBps.data,
    poolNano,
    alpha: attribution.alphaPpm / PPM,
    noiseFloor: attribution.noiseFloor,
    note: attribution.note,
    fallback: { totalNano: sumOf(fallback), weights },
    lines: mine.map((share) =>
      lineOf(share, poolNano, { nano: sumOf(fallback), weight: weightOf(share), weights }),
    ),
    totalNano: sumOf(mine),
    silent: Math.max(0, standing.accepted - byInfluence),
    whyNot:
      mine.length > 0
        ? null
        : whyNot(poolNano, standing, (await samePersons(db, call.personId)).has(personId)),
    roles: await rolesIn(market, { call, body, personId }),
  };
}

/** The exact share, and whether one of the odd nanos went to it. */
function lineOf(
  share: CallShareLine,
  poolNano: Nano,
  fallback: { readonly nano: Nano; readonly weight: number; readonly weights: number },
): PaidLine {
  const { kind, contributionId, question, sharePpm, amountNano } = share;
  // × 1,000,000: influence is ppm of the pool, a fallback share `weight` of `weights` parts of what the fallback got.
  const exact =
    kind === 'fallback'
      ? (fallback.nano * BigInt(PPM) * BigInt(fallback.weight)) / BigInt(fallback.weights)
      : poolNano * BigInt(sharePpm);
  const wholeNano = exact / BigInt(PPM);
  const restMillionths = Number(exact % BigInt(PPM));
  return {
    kind,
    contributionId,
    question,
    sharePpm,
    amountNano,
    wholeNano,
    restMillionths,
    odd: amountNano > wholeNano,
    weight: fallback.weight,
  };
}

type Standing = Awaited<ReturnType<typeof standingIn>>;

async function standingOf({ db }: Market, call: Call, personId: string): Promise<Standing> {
  const version = await getModelVersion(db, call.modelVersionId);
  if (version === undefined) throw new Error(`the model version of call ${call.id} does not exist`);
  return await standingIn(db, { personId, datanetVersionId: version.datanetVersionId });
}

/** The first reason that holds. */
function whyNot(
  poolNano: Nano,
  { accepted, retracted, outside }: Standing,
  isOwnQuestion: boolean,
): WhyNotPaid {
  if (accepted + retracted + outside === 0) return 'no_contribution';
  if (accepted + retracted === 0) return 'not_in_version';
  if (accepted === 0) return 'retracted';
  if (isOwnQuestion) return 'own_question';
  return poolNano === 0n ? 'nothing_to_share' : 'under_floor';
}

async function rolesIn(
  market: Market,
  { call, body, personId }: { readonly call: Call; readonly body: AnyReceiptBody; readonly personId: string },
): Promise<Extract<Why, { ok: true }>['roles']> {
  const { partsNano: parts } = body;
  const model = await getModel(market.db, call.modelId);
  const operates = await isOperator(market, personId);
  return [
    ...(model?.creatorId === personId
      ? [{ role: 'creator', amountNano: nano(BigInt(parts.creator)) } as const]
      : []),
    ...(operates ? [{ role: 'node', amountNano: nano(BigInt(parts.node)) } as const] : []),
    ...(operates ? [{ role: 'platform', amountNano: nano(BigInt(parts.platform)) } as const] : []),
  ];
}

function sumOf(shares: readonly Pick<CallShareLine, 'amountNano'>[]): Nano {
  return shares.reduce((sum, share) => addNano(sum, share.amountNano), ZERO_NANO);
}
