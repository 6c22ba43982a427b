// The receipt completed by its attribution: built from the form written at capture, put in its place inside the
// transaction that pays the shares, once per call (the database refuses a second completion). Used by attribute-call.ts.
// A receipt that an older program captured is completed in its own schema, so that its hashes stay true.
import { sql } from 'kysely';
import type { Tx } from '../../db/database.ts';
import { getPersons } from '../../db/repositories/person-repository.ts';
import { getReceipt } from '../../db/repositories/receipt-repository.ts';
import type { Contribution, Receipt } from '../../db/schema.ts';
import type { SampleShares } from '../../engine/engine.ts';
import { exactHash } from '../datanets/contribution-hash.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type PoolPayout, toPpm } from '../split-price.ts';
import { combinationOf, measurementOf } from './measurement.ts';
import { isOldReceipt, OLD_RECEIPT_SCHEMA } from './old-receipt.ts';
import {
  type HashedReceipt,
  hashedReceipt,
  RECEIPT_SCHEMA,
  type ReceiptAttribution,
  type ReceiptBody,
  type ReceiptShare,
} from './receipt-body.ts';

/** What attribution found out about one answer: the engine's shares as they came, and what became of them. */
export interface AttributionFacts extends Partial<Omit<SampleShares, 'alpha' | 'noiseFloor' | 'storeHash'>> {
  readonly alpha: number;
  readonly noiseFloor: number;
  /** "" where nothing was measured. */
  readonly storeHash: string;
  readonly note: string | null;
  /** Why a measured share was not paid to its contribution, by the contribution's id. Left out = it was retracted. */
  readonly unpaid?: ReadonlyMap<string, string>;
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
    measurement: measurementOf(facts, payouts, accepted),
    combinationPpm: combinationOf(payouts),
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
  const { measurement: _, combinationPpm: __, ...second } = attribution;
  const own = before.body.schema === RECEIPT_SCHEMA ? attribution : second;
  return hashedReceipt({ ...before.body, capturedHash: before.hash, attribution: own });
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
  return payouts.map(({ kind, personId, contributionId, sharePpm, amountNano, weight }) => {
    const contribution = contributionId === null ? undefined : byId.get(contributionId);
    return {
      kind,
      contributor: names.get(personId) ?? '',
      contribution: contributionId,
      contributionHash: contribution === undefined ? null : exactHash(contribution),
      sharePpm,
      amountNano: String(amountNano),
      ...(weight === undefined ? {} : { weight }),
    };
  });
}

async function splitTransferOf(tx: Tx, callId: string): Promise<string | null> {
  const { rows } = await sql<{ id: bigint }>`
    select id from transfer where call_id = ${callId} and kind = 'split'`.execute(tx);
  return rows.length === 0 ? null : String(rows[0].id);
}
