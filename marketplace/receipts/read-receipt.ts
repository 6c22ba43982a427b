// A stored receipt for whoever asks: as a file to keep and verify, and as a few lines for a chat. Used by
// create-marketplace.ts. The person who asked gets the words, their salt and any refund notes; everybody else, by number,
// the public form: hashes and pseudonyms only. Writes nothing but a signature that was still missing.
import { formatOpen, nano } from '../../db/ledger/amount.ts';
import { getCall } from '../../db/repositories/call-repository.ts';
import { getReceiptByNumber } from '../../db/repositories/receipt-repository.ts';
import type { Receipt } from '../../db/schema.ts';
import type { Person, ReceiptView } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type AnyReceiptBody, capturedAt, isOldReceipt } from './old-receipt.ts';
import { privateWords } from './private-words.ts';
import type { ReceiptFile } from './receipt-file.ts';
import { parseReceiptNumber, receiptNumber } from './receipt-number.ts';
import { receiptProof } from './receipt-proof.ts';
import { refundNotes } from './refund-notes.ts';
import { signedReceipt } from './sign-receipts.ts';

type Market = Pick<MarketplaceContext, 'db' | 'log' | 'nodeKey' | 'chain' | 'dataDir'>;

/** The receipt with this number, whosever it is, or the person's newest; null when there is none. */
export async function readReceipt(
  market: Market,
  { person, number }: { readonly person: Person; readonly number?: string },
): Promise<ReceiptView | null> {
  const found =
    number === undefined ? await newestReceipt(market.db, person.id) : await byNumber(market, number);
  if (found === undefined) return null;
  const call = await getCall(market.db, found.callId);
  const mine = call?.personId === person.id;
  // Receipts of schema 1 name accounts: they are their owner's only.
  if (!mine && isOldReceipt(found.body)) return null;
  const receipt = await signedReceipt(market, found);
  const file = await fileOf(market, receipt, mine);
  const named = receiptNumber(receipt.number);
  return {
    number: named,
    mine,
    json: `${JSON.stringify(file, null, 2)}\n`,
    summary: summaryOf(file, receipt.hash),
  };
}

/** The file of a receipt; `own` adds what only the person who asked may see. */
async function fileOf(market: Market, receipt: Receipt, own: boolean): Promise<ReceiptFile> {
  const body = receipt.body as unknown as AnyReceiptBody;
  const { signature, signer } = receipt;
  const epoch = await receiptProof(market, receipt);
  const file = { receipt: body, signature, signer, epoch };
  if (!own) return file;
  const refunds = await refundNotes(market, receipt).catch((fault: unknown) => {
    market.log.warn({ err: fault, callId: receipt.callId }, 'refund notes could not be signed');
    return [];
  });
  const call = await getCall(market.db, receipt.callId);
  const { salt } = receipt;
  const words =
    call === undefined || salt === null ? undefined : await privateWords(market.db, call, { ...body, salt });
  return {
    ...file,
    ...(refunds.length === 0 ? {} : { refunds }),
    ...(words === undefined ? {} : { private: words }),
  };
}

async function newestReceipt(db: MarketplaceContext['db'], personId: string): Promise<Receipt | undefined> {
  return await db
    .selectFrom('receipt')
    .innerJoin('call', 'call.id', 'receipt.callId')
    .selectAll('receipt')
    .where('call.personId', '=', personId)
    .orderBy('call.seq', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function byNumber({ db }: Market, number: string): Promise<Receipt | undefined> {
  const parsed = parseReceiptNumber(number);
  return parsed === null ? undefined : await getReceiptByNumber(db, parsed);
}

function summaryOf(
  { receipt: body, epoch, signer, refunds = [] }: ReceiptFile,
  hash: string,
): readonly string[] {
  const open = (amount: string) => `${formatOpen(nano(BigInt(amount)))} OPEN`;
  const { partsNano: parts } = body;
  return [
    `${body.model.slug} version ${body.model.version}, ${capturedAt(body).slice(0, 16).replace('T', ' ')} UTC`,
    `${body.promptTokens} prompt tokens, ${body.answerTokens} answer tokens: ${open(body.priceNano)}`,
    `data ${open(parts.data)}, creator ${open(parts.creator)}, node ${open(parts.node)}, platform ${open(parts.platform)}`,
    sharesLine(body, open),
    ...measuredLines(body),
    ...refunds.map(
      ({ note }) => `refunded ${open(note.amountNano)} on ${note.at.slice(0, 10)}: ${note.reason}`,
    ),
    signer === null ? 'not signed yet: the node signs within seconds' : `signed by ${signer}`,
    epochLine(epoch),
    `hash ${hash}`,
  ];
}

function sharesLine({ attribution }: AnyReceiptBody, open: (amount: string) => string): string {
  if (attribution === null) return 'attribution is still being computed';
  const traced = attribution.shares.filter((share) => share.kind !== 'fallback');
  const fallback = attribution.shares.filter((share) => share.kind === 'fallback');
  const total = fallback.reduce((sum, share) => sum + BigInt(share.amountNano), 0n);
  const some = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;
  return `${some(traced.length, 'contribution')} paid by influence, ${open(String(total))} shared among ${some(fallback.length, 'contributor')}`;
}

/** How it was measured, and what was measured and not paid; nothing of receipts that do not say it. */
function measuredLines({ attribution }: AnyReceiptBody): readonly string[] {
  if (attribution === null || !('measurement' in attribution)) return [];
  const { measurement, note } = attribution;
  if (measurement === null || measurement === undefined)
    return note === null ? [] : [`not measured: ${note}`];
  const { method, top, baseNll, adapterNll } = measurement;
  const nats = (loss: number) => loss.toFixed(3);
  const losses =
    baseNll === null || adapterNll === null
      ? ''
      : `; the data took its surprise per token from ${nats(baseNll)} to ${nats(adapterNll)} nats`;
  const held = top.filter(({ why }) => why !== null);
  const reasons = [...new Set(held.map(({ why }) => why))].join(', ');
  return [
    `measured by ${method || 'a method it does not name'}${losses}`,
    ...(held.length === 0 ? [] : [`measured and not paid as measured: ${held.length} (${reasons})`]),
  ];
}

function epochLine(epoch: ReceiptFile['epoch']): string {
  if (epoch === null) return 'in no posted epoch yet: that takes until the next ones are final';
  const place =
    epoch.chainId === null ? 'not posted: this marketplace has no chain' : `chain ${epoch.chainId}`;
  return `epoch ${epoch.number} (${place}), root ${epoch.root}`;
}
