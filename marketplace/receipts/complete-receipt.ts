// The receipt completed by its attribution: built from the form written at capture, put in its place inside the
// transaction that pays the shares, once per call (the database refuses a second completion). Used by attribute-call.ts.
// A receipt that an older program captured is completed in its own schema, so that its hashes stay true.
import { sql } from 'kysely';
import type { Tx } from '../../db/database.ts';
import { getPersons } from '../../db/repositories/person-repository.ts';
import { getReceipt } from '../../db/repositories/receipt-repository.ts';
import type { Contribution, Receipt } from '../../db/schema.ts';
import { exactHash } from '../datanets/contribution-hash.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type PoolPayout, toPpm } from '../split-price.ts';
import { isOldReceipt, OLD_RECEIPT_SCHEMA } from './old-receipt.ts';
import {
  type HashedReceipt,
  hashedReceipt,
  type ReceiptAttribution,
  type ReceiptBody,
  type ReceiptShare,
} from './receipt-body.ts';

/** What attribution found out about one answer. */
export interface AttributionFacts {
  readonly alpha: number;
  readonly noiseFloor: number;
  readonly storeHash: string;
  readonly note: string | null;
}

/** @param payouts as they were just paid @param accepted the contributions they may point to */
export async function completeReceipt(
  tx: Tx,
  market: Pick<MarketplaceContext, 'clock' | 'nodeKey'>,
  callId: string,
  facts: AttributionFacts,
  payouts: readonly PoolPayout[],
  accepted: readonly Contribution[],
): Promise<void> {
  const receipt = await getReceipt(tx, callId);
  if (receipt === undefined) throw new Error(`call ${callId} has no receipt`);
  const attribution: ReceiptAttribution = {
    at: market.clock().toISOString(),
    alphaPpm: toPpm(facts.alpha),
    noiseFloor: facts.noiseFloor,
    storeHash: facts.storeHash,
    note: facts.note,
    splitTransfer: await splitTransferOf(tx, callId),
    signer: market.nodeKey.address.toLowerCase(),
    shares: await sharesOf(tx, payouts, accepted),
  };
  const { body, hash } = isOldReceipt(receipt.body)
    ? completedOldReceipt(receipt, attribution, payouts)
    : completedReceipt(receipt as unknown as HashedReceipt, attribution);
  // The signature was that of the captured form.
  const completed = { body, hash, signature: null, signer: null };
  await tx.updateTable('receipt').set(completed).where('callId', '=', callId).execute();
}

/** The receipt with its attribution; `capturedHash` becomes the hash it had before. */
export function completedReceipt(
  before: HashedReceipt,
  attribution: ReceiptAttribution,
): HashedReceipt<ReceiptBody> {
  return hashedReceipt({ ...before.body, capturedHash: before.hash, attribution });
}

/** Schema 1 named the paid accounts, and neither transfer nor signer. */
function completedOldReceipt(
  before: Receipt,
  { at, alphaPpm, noiseFloor, storeHash, note, shares }: ReceiptAttribution,
  payouts: readonly PoolPayout[],
): HashedReceipt<{ readonly schema: typeof OLD_RECEIPT_SCHEMA }> {
  const old = shares.map((share, index) => ({ ...share, account: payouts[index].personId }));
  return hashedReceipt({
    ...before.body,
    schema: OLD_RECEIPT_SCHEMA,
    capturedHash: before.hash,
    attribution: { at, alphaPpm, noiseFloor, storeHash, note, shares: old },
  });
}

async function sharesOf(
  tx: Tx,
  payouts: readonly PoolPayout[],
  accepted: readonly Contribution[],
): Promise<readonly ReceiptShare[]> {
  const persons = await getPersons(tx, [...new Set(payouts.map(({ personId }) => personId))]);
  const names = new Map(persons.map(({ id, pseudonym }) => [id, pseudonym]));
  const byId = new Map(accepted.map((contribution) => [contribution.id, contribution]));
  return payouts.map(({ kind, personId, contributionId, sharePpm, amountNano }) => {
    const contribution = contributionId === null ? undefined : byId.get(contributionId);
    return {
      kind,
      contributor: names.get(personId) ?? '',
      contribution: contributionId,
      contributionHash: contribution === undefined ? null : exactHash(contribution),
      sharePpm,
      amountNano: String(amountNano),
    };
  });
}

async function splitTransferOf(tx: Tx, callId: string): Promise<string | null> {
  const { rows } = await sql<{ id: bigint }>`
    select id from transfer where call_id = ${callId} and kind = 'split'`.execute(tx);
  return rows.length === 0 ? null : String(rows[0].id);
}
