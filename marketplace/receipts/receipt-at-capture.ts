// The receipt of a call in the moment of its capture: everything but the attribution, gathered by one query inside the
// capture's transaction. Used by settle-call.ts alone. It signs nothing (sign-receipts.ts does, after the commit), so that
// neither a slow nor a broken key can hold up or lose a call.
import { resolve } from 'node:path';
import { sql } from 'kysely';
import type { Tx } from '../../db/database.ts';
import type { Nano } from '../../db/ledger/amount.ts';
import type { Call, Model } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type PriceParts, splitBpsOf } from '../split-price.ts';
import { adapterSha256 } from './adapter-hash.ts';
import { type HashedReceipt, hashedReceipt, RECEIPT_SCHEMA, type ReceiptBody } from './receipt-body.ts';
import { receiptNumber } from './receipt-number.ts';
import { answerHashOf, makeSalt, type PromptWords, promptHashOf } from './words-hash.ts';

export interface NewReceipt extends HashedReceipt {
  readonly number: number;
  readonly salt: string;
}

/**
 * @param call as captured: with its answer, price and tokens; its hold is settled already
 * @param messages the prompt as the engine was given it
 */
export async function receiptAtCapture(
  tx: Tx,
  market: Pick<MarketplaceContext, 'dataDir' | 'chain' | 'nodeKey'>,
  {
    call,
    model,
    parts,
    messages,
  }: {
    readonly call: Call;
    readonly model: Model;
    readonly parts: PriceParts;
    readonly messages: readonly PromptWords[];
  },
): Promise<NewReceipt> {
  const facts = await factsOf(tx, call);
  const salt = makeSalt();
  const priceNano = call.priceNano ?? 0n;
  // Taken from the grant first, as the hold was.
  const fromGrant = priceNano < facts.grantNano ? priceNano : facts.grantNano;
  const { chain } = market;
  const receipt = hashedReceipt<ReceiptBody>({
    schema: RECEIPT_SCHEMA,
    number: receiptNumber(facts.number),
    call: call.id,
    person: facts.person,
    model: {
      slug: model.slug,
      version: facts.versionNumber,
      versionId: call.modelVersionId,
      creator: facts.creator,
      adapterSha256: await adapterSha256(resolve(market.dataDir, facts.adapterDir)),
    },
    datanetVersion: {
      slug: facts.datanetSlug,
      number: facts.datanetNumber,
      merkleRoot: facts.merkleRoot,
    },
    promptHash: promptHashOf(salt, messages),
    answerHash: answerHashOf(salt, call.answer ?? ''),
    finish: call.finishReason ?? 'stop',
    promptTokens: call.promptTokens ?? 0,
    answerTokens: call.answerTokens ?? 0,
    rateCard: {
      perCall: String(model.priceCallNano),
      per1kPrompt: String(model.pricePromptKtokenNano),
      per1kAnswer: String(model.priceAnswerKtokenNano),
    },
    ceilingNano: String(call.ceilingNano),
    priceNano: String(priceNano),
    hold: {
      id: facts.holdId,
      amountNano: String(facts.heldNano),
      grantNano: String(facts.grantNano),
      balanceNano: String(facts.balanceNano),
    },
    paidFrom: { grantNano: String(fromGrant), balanceNano: String(priceNano - fromGrant) },
    splitBps: splitBpsOf(model),
    partsNano: {
      data: String(parts.dataNano),
      creator: String(parts.creatorNano),
      node: String(parts.nodeNano),
      platform: String(parts.platformNano),
    },
    transfers: { hold: String(facts.holdTransferId), capture: String(facts.captureTransferId) },
    times: {
      quoted: call.quotedAt.toISOString(),
      held: (call.heldAt ?? call.quotedAt).toISOString(),
      captured: (call.settledAt ?? call.quotedAt).toISOString(),
    },
    settlement:
      chain === null
        ? null
        : { chainId: String(chain.chainId), registry: chain.addresses.registry.toLowerCase() },
    signer: market.nodeKey.address.toLowerCase(),
    capturedHash: null,
    attribution: null,
  });
  return { ...receipt, number: facts.number, salt };
}

interface Facts {
  readonly number: number;
  readonly person: string;
  readonly creator: string;
  readonly versionNumber: number;
  readonly adapterDir: string;
  readonly datanetSlug: string;
  readonly datanetNumber: number;
  readonly merkleRoot: string;
  readonly holdId: string;
  readonly heldNano: Nano;
  readonly grantNano: Nano;
  readonly balanceNano: Nano;
  readonly holdTransferId: bigint;
  readonly captureTransferId: bigint;
}

async function factsOf(tx: Tx, call: Call): Promise<Facts> {
  const { rows } = await sql<Facts>`
    select nextval(pg_get_serial_sequence('receipt', 'number'))::integer as number,
      p.pseudonym as person, creator.pseudonym as creator, v.number as version_number, v.adapter_dir,
      d.slug as datanet_slug, dv.number as datanet_number, dv.merkle_root,
      h.id as hold_id, h.amount_nano as held_nano, h.grant_nano, h.balance_nano,
      h.hold_transfer_id, h.settle_transfer_id as capture_transfer_id
    from model_version v
      join datanet_version dv on dv.id = v.datanet_version_id
      join datanet d on d.id = dv.datanet_id
      join model m on m.id = v.model_id
      join person creator on creator.id = m.creator_id
      join person p on p.id = ${call.personId}
      join hold h on h.call_id = ${call.id} and h.state = 'captured'
    where v.id = ${call.modelVersionId}`.execute(tx);
  const [facts] = rows;
  if (facts === undefined) throw new Error(`call ${call.id} has no captured hold, version or person`);
  return facts;
}
