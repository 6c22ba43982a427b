// An operator gives back part or all of what an answer cost, with a reason. First an offer that tells what would happen,
// then the same order once more with a key: a new transfer, who ordered it, and the news of it, in one transaction. The
// receipt and who earned by the answer stay as they are, so what who asked earned by it themselves is not given back: an answer
// never earns more than it costs. Used by refund-verbs.ts.
// Refusals in order: not an operator, no such receipt, the amount, the reason, more than is left to give back.
import { sql } from 'kysely';
import { type Database, type Tx, transact } from '../../db/database.ts';
import { addNano, formatOpen, type Nano, nano, parseOpen, subtractNano } from '../../db/ledger/amount.ts';
import { poolOf } from '../../db/ledger/balances.ts';
import { refund } from '../../db/ledger/refund.ts';
import { getCall } from '../../db/repositories/call-repository.ts';
import { getConversation } from '../../db/repositories/conversation-repository.ts';
import { earnedByCall, refundedOf } from '../../db/repositories/history-repository.ts';
import { noteOperatorAct } from '../../db/repositories/operator-act-repository.ts';
import { isVersionOf, samePersons } from '../../db/repositories/payable-share-repository.ts';
import { getPerson } from '../../db/repositories/person-repository.ts';
import { getReceiptByNumber } from '../../db/repositories/receipt-repository.ts';
import type { Call } from '../../db/schema.ts';
import { cleanText } from '../clean-text.ts';
import { enqueueJob } from '../jobs/enqueue-job.ts';
import type { Person } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isOperator } from '../operators.ts';
import { parseReceiptNumber, receiptNumber } from '../receipts/receipt-number.ts';

export interface RefundOrder {
  readonly operator: Person;
  /** As typed. */
  readonly receipt: string;
  /** OPEN as typed, or "all": what has not been given back yet. */
  readonly amount: string;
  readonly reason: string;
}

export type RefundOffer =
  | {
      readonly ok: true;
      readonly receiptNumber: string;
      readonly pseudonym: string;
      readonly priceNano: Nano;
      readonly refundedBeforeNano: Nano;
      readonly refundNano: Nano;
      readonly reason: string;
    }
  | RefundRefusal;

export type RefundRefusal =
  | {
      readonly ok: false;
      readonly code: 'not_allowed' | 'receipt_not_found' | 'not_an_amount' | 'reason_missing';
    }
  | { readonly ok: false; readonly code: 'reason_too_long'; readonly charsMax: number }
  | {
      readonly ok: false;
      readonly code: 'refund_above_price';
      readonly priceNano: Nano;
      readonly refundableNano: Nano;
      /** What who asked earned by the answer, where that is what stands in the way. */
      readonly ownEarnedNano?: Nano;
    };

const REASON_CHARS_MAX = 200;

/** What a refund would do; writes nothing. */
export async function offerRefund(market: MarketplaceContext, order: RefundOrder): Promise<RefundOffer> {
  const found = await readOrder(market, order);
  if (!found.ok) return found;
  const { call, number, amountNano, reason } = found;
  const priceNano = call.priceNano as Nano;
  const refundedBeforeNano = await refundedOf(market.db, call.id);
  const refundableNano = subtractNano(priceNano, refundedBeforeNano);
  const own = await ownEarningRefusal(market.db, found, refundedBeforeNano);
  if (own !== null) return own;
  const refundNano = amountNano === 'all' ? refundableNano : amountNano;
  if (refundNano > refundableNano || refundNano === 0n)
    return { ok: false, code: 'refund_above_price', priceNano, refundableNano };
  const { pseudonym = '' } = (await getPerson(market.db, call.personId)) ?? {};
  return { ok: true, receiptNumber: number, pseudonym, priceNano, refundedBeforeNano, refundNano, reason };
}

/** @param key one per order: the same order twice gives back once */
export async function refundCall(
  market: MarketplaceContext,
  order: RefundOrder,
  key: string,
): Promise<RefundOffer> {
  const found = await readOrder(market, order);
  if (!found.ok) return found;
  const { call, number, amountNano, reason } = found;
  const { operator } = order;
  return await transact(market.db, async (tx): Promise<RefundOffer> => {
    const priceNano = call.priceNano as Nano;
    const refundedBeforeNano = await refundedOf(tx, call.id);
    // Two orders at once are looked at one after the other.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`refunds of ${call.id}`}, 0))`.execute(tx);
    const beforeThis = await refundedOf(tx, call.id, `refund:${key}`);
    const own = await ownEarningRefusal(tx, found, beforeThis);
    if (own !== null) return own;
    const result = await refund(tx, { key: `refund:${key}`, callId: call.id, amountNano, reason });
    if (!result.ok) {
      if (result.code !== 'refund_above_capture')
        throw new Error(`refund ${key} was refused: ${result.code}`);
      return { ok: false, code: 'refund_above_price', priceNano, refundableNano: result.refundableNano };
    }
    const who = `${operator.pseudonym} (${operator.id})`;
    const act = { key: `refund:${key}`, kind: 'refund', operator: who, reason } as const;
    if (await noteOperatorAct(tx, act)) await tellRefund(tx, call, { key, number, reason, ...result });
    const { pseudonym = '' } = (await getPerson(tx, call.personId)) ?? {};
    const { refundedNano: refundNano } = result;
    return { ok: true, receiptNumber: number, pseudonym, priceNano, refundedBeforeNano, refundNano, reason };
  });
}

/** Null: the order leaves who asked with no more than before. "all" is refused where part of it came back already. */
async function ownEarningRefusal(
  db: Database | Tx,
  { call, amountNano }: { readonly call: Call; readonly amountNano: Nano | 'all' },
  refundedBeforeNano: Nano,
): Promise<RefundRefusal | null> {
  const ownEarnedNano = await ownEarnings(db, call);
  if (ownEarnedNano === 0n) return null;
  const priceNano = call.priceNano as Nano;
  const left = priceNano - ownEarnedNano - refundedBeforeNano;
  const refundableNano = nano(left > 0n ? left : 0n);
  if (amountNano !== 'all' && amountNano <= refundableNano) return null;
  return { ok: false, code: 'refund_above_price', priceNano, refundableNano, ownEarnedNano };
}

/** What who asked earned by the answer; of a data part that is not split yet, all of it where nobody else can get any. */
async function ownEarnings(db: Database | Tx, { id, personId, modelVersionId }: Call): Promise<Nano> {
  const personIds = await samePersons(db, personId);
  // First: split in between, it is counted twice rather than not at all.
  const waitingNano = await poolOf(db, id);
  const earnedNano = await earnedByCall(db, id, personIds);
  const isTheirs = waitingNano > 0n && (await isVersionOf(db, { modelVersionId, personIds }));
  return isTheirs ? addNano(earnedNano, waitingNano) : earnedNano;
}

type ReadOrder =
  | {
      readonly ok: true;
      readonly call: Call;
      readonly number: string;
      readonly amountNano: Nano | 'all';
      readonly reason: string;
    }
  | RefundRefusal;

async function readOrder(market: MarketplaceContext, order: RefundOrder): Promise<ReadOrder> {
  if (!(await isOperator(market, order.operator.id))) return { ok: false, code: 'not_allowed' };
  const number = parseReceiptNumber(order.receipt);
  const receipt = number === null ? undefined : await getReceiptByNumber(market.db, number);
  const call = receipt === undefined ? undefined : await getCall(market.db, receipt.callId);
  if (receipt === undefined || call === undefined) return { ok: false, code: 'receipt_not_found' };
  const amount = order.amount.trim().toLowerCase();
  const parsed = parseOpen(amount);
  if (amount !== 'all' && (!parsed.ok || parsed.amountNano === 0n))
    return { ok: false, code: 'not_an_amount' };
  const reason = cleanText(order.reason);
  if (reason === '') return { ok: false, code: 'reason_missing' };
  if ([...reason].length > REASON_CHARS_MAX)
    return { ok: false, code: 'reason_too_long', charsMax: REASON_CHARS_MAX };
  return {
    ok: true,
    call,
    number: receiptNumber(receipt.number),
    amountNano: parsed.ok ? parsed.amountNano : 'all',
    reason,
  };
}

/** Told where the answer was given; the whole story stands in the person's history. */
async function tellRefund(
  tx: Tx,
  call: Call,
  {
    key,
    number,
    reason,
    refundedNano,
  }: { readonly key: string; readonly number: string; readonly reason: string; readonly refundedNano: Nano },
): Promise<void> {
  const conversation =
    call.conversationId === null ? undefined : await getConversation(tx, call.conversationId);
  if (conversation === undefined) return;
  await enqueueJob(tx, 'tell-news', {
    key: `refund:${key}`,
    platform: conversation.platform,
    conversationId: conversation.platformConversationId,
    kind: 'refunded',
    datanetTitle: 'Given back',
    text: `${formatOpen(refundedNano)} OPEN of receipt ${number} were given back: ${reason}. The receipt stays as it is; /history shows both.`,
  });
}
