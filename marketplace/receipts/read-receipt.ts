// A stored receipt for the person it belongs to: as canonical JSON for a file, and as a few lines for a chat.
// Used by create-marketplace.ts. Reads only. Nobody reads another person's receipt.
import { formatOpen, nano } from '../../db/ledger/amount.ts';
import { getCall } from '../../db/repositories/call-repository.ts';
import { getReceiptByNumber } from '../../db/repositories/receipt-repository.ts';
import type { Receipt } from '../../db/schema.ts';
import type { Marketplace, Person } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { canonicalJson, type JsonValue } from './canonical-json.ts';
import type { ReceiptBody } from './receipt-body.ts';
import { parseReceiptNumber, receiptNumber } from './receipt-number.ts';

type ReceiptView = Awaited<ReturnType<Marketplace['receipt']>>;

/** The receipt with this number, or the person's newest; null when there is none of theirs. */
export async function readReceipt(
  { db }: Pick<MarketplaceContext, 'db'>,
  { person, number }: { readonly person: Person; readonly number?: string },
): Promise<ReceiptView> {
  const receipt =
    number === undefined ? await newestReceipt(db, person.id) : await ownReceipt(db, person.id, number);
  if (receipt === undefined) return null;
  const body = receipt.body as unknown as ReceiptBody;
  const named = receiptNumber(receipt.number);
  const file = { number: named, hash: receipt.hash, receipt: body } as unknown as JsonValue;
  return { number: named, json: canonicalJson(file), summary: summaryOf(body, receipt.hash) };
}

async function newestReceipt(db: MarketplaceContext['db'], personId: string): Promise<Receipt | undefined> {
  return await db
    .selectFrom('receipt')
    .innerJoin('call', 'call.id', 'receipt.callId')
    .selectAll('receipt')
    .where('call.personId', '=', personId)
    .orderBy('receipt.number', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function ownReceipt(
  db: MarketplaceContext['db'],
  personId: string,
  number: string,
): Promise<Receipt | undefined> {
  const parsed = parseReceiptNumber(number);
  const receipt = parsed === null ? undefined : await getReceiptByNumber(db, parsed);
  const call = receipt === undefined ? undefined : await getCall(db, receipt.callId);
  return call?.personId === personId ? receipt : undefined;
}

function summaryOf(body: ReceiptBody, hash: string): readonly string[] {
  const open = (amount: string) => `${formatOpen(nano(BigInt(amount)))} OPEN`;
  const { partsNano: parts } = body;
  const lines = [
    `${body.model.slug} version ${body.model.version}, ${body.at.slice(0, 16).replace('T', ' ')} UTC`,
    `${body.promptTokens} prompt tokens, ${body.answerTokens} answer tokens: ${open(body.priceNano)}`,
    `data ${open(parts.data)}, creator ${open(parts.creator)}, node ${open(parts.node)}, platform ${open(parts.platform)}`,
  ];
  if (body.attribution === null) return [...lines, 'attribution is still being computed', `hash ${hash}`];
  const influence = body.attribution.shares.filter((share) => share.kind === 'influence');
  const fallback = body.attribution.shares.filter((share) => share.kind === 'fallback');
  const total = fallback.reduce((sum, share) => sum + BigInt(share.amountNano), 0n);
  return [
    ...lines,
    `${influence.length} contributions paid by influence, ${open(String(total))} equally among ${fallback.length} contributors`,
    `hash ${hash}`,
  ];
}
